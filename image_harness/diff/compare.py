"""Compares two images: packages, labels, configuration, files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from image_harness.diff.files import compare_files
from image_harness.diff.model import Change, ImageDiff, Side
from image_harness.image import Image, ImageConfig
from image_harness.image.debian import debian_packages
from image_harness.image.python_distributions import all_distributions
from image_harness.report import RunReport
from image_harness.types import Digest

# What the configuration holds that is told in words of its own.
_NAMED = frozenset(
    {
        "User",
        "WorkingDir",
        "Env",
        "Entrypoint",
        "Cmd",
        "ExposedPorts",
        "Labels",
        "Volumes",
        "StopSignal",
        "Shell",
        "Healthcheck",
    }
)


def compare_images(old: Image, new: Image, *, reports: tuple[RunReport, RunReport] | None = None) -> ImageDiff:
    """Compare two images.

    Args:
        old: The one before.
        new: The one after.
        reports: What a run has found out about each, where it is known.

    Raises:
        ImageError: A package database is malformed, or a file cannot be read.
    """
    return ImageDiff(
        old=_side(old),
        new=_side(new),
        shared_layers=(_layers(old) & _layers(new)).total(),
        debian=changes(_debian(old), _debian(new)),
        python=changes(_python(old), _python(new)),
        labels=changes(old.config.labels, new.config.labels),
        config=changes(_config(old.config), _config(new.config)),
        layers=compare_files(old, new),
        requirements=changes(_statuses(reports[0]), _statuses(reports[1])) if reports else None,
    )


def changes(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[Change, ...]:
    """What differs between two mappings, by name."""
    names = sorted(old.keys() | new.keys())
    found = (Change(name, old.get(name), new.get(name)) for name in names)
    return tuple(change for change in found if change.old != change.new)


def _side(image: Image) -> Side:
    return Side(str(image.reference), image.manifest_digest, image.config_digest, image.size, len(image.layers))


def _layers(image: Image) -> Counter[Digest]:
    """An image may have a layer several times: that of a step that changed nothing."""
    return Counter(layer.diff_id for layer in image.layers)


def _debian(image: Image) -> dict[str, str]:
    return _by_name(
        (package.name, package.architecture, package.version) for package in debian_packages(image.filesystem)
    )


def _python(image: Image) -> dict[str, str]:
    return _by_name((found.key, found.path, found.version) for found in all_distributions(image.filesystem))


def _by_name(packages: Iterable[tuple[str, str, str]]) -> dict[str, str]:
    """Versions by name; of what is there more than once, the name is told with what sets it apart."""
    listed = list(packages)
    names = Counter(name for name, _, _ in listed)
    return {name if names[name] == 1 else f"{name} ({apart})": version for name, apart, version in listed}


def _config(config: ImageConfig) -> dict[str, str]:
    """Everything that the configuration sets, as a reader would write it."""
    health = config.health_check
    values: dict[str, object] = {
        "platform": "/".join(part for part in (config.os, config.architecture, config.variant) if part),
        "user": config.user,
        "working directory": config.working_dir,
        "entrypoint": _words(config.entrypoint),
        "command": _words(config.cmd),
        "ports": " ".join(sorted(str(port) for port in config.exposed_ports)),
        "volumes": " ".join(sorted(config.volumes)),
        "stop signal": config.stop_signal,
        "shell": _words(config.shell),
        "health check": _words(health.test) if health else None,
        "author": config.author,
        "os version": config.raw.get("os.version"),
        **_further(config.raw.get("config")),
    }
    if health:
        for name in ("interval", "timeout", "start_period", "start_interval", "retries"):
            values[f"health check {name.replace('_', ' ')}"] = getattr(health, name)
    told = {name: str(value) for name, value in values.items() if value not in (None, "", [], {})}
    return told | {f"environment {name}": text for name, text in config.env.items()}


def _further(run: object) -> dict[str, object]:
    """What the configuration holds that has no name here, by its own."""
    held = run if isinstance(run, dict) else {}
    return {str(key): value for key, value in held.items() if key not in _NAMED}


def _words(words: tuple[str, ...] | None) -> str | None:
    return None if words is None else str(list(words))


def _statuses(report: RunReport) -> dict[str, str]:
    return {result.facts.id: result.status.value for result in report.requirements}
