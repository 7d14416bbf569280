"""An image's configuration: OCI image specification 1.1, with Docker's additions (HEALTHCHECK, SHELL, ONBUILD)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from image_harness.errors import HarnessError
from image_harness.image.documents import JsonObject
from image_harness.image.errors import ImageError
from image_harness.image.limits import LAYERS
from image_harness.types import Digest, HealthCheck, Platform, Port

# As builders note the instruction: bare, or behind the legacy builder's shell.
_INSTRUCTION = re.compile(r"^(/bin/sh -c #\(nop\)\s+)?HEALTHCHECK\s", re.IGNORECASE)
_DISABLED = re.compile(r"HEALTHCHECK\s+(&?\{)?\[?\"?NONE\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One step of the build.

    Attributes:
        created_by: The instruction, as the builder writes it.
        created: When; None where the builder does not say.
        empty_layer: Whether the step made no layer.
        comment: The builder's note.
    """

    created_by: str
    created: datetime | None
    empty_layer: bool
    comment: str


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """What an image says of itself, and how it is to be run.

    ``None`` for ``entrypoint``, ``cmd``, ``shell`` and ``health_check`` means that the image does not set it.

    Attributes:
        os: Go's GOOS.
        architecture: Go's GOARCH.
        variant: Of the architecture, such as v8.
        created: When it was built.
        author: Who built it.
        user: As written, such as ``65532:65532``; "" means root.
        working_dir: As written; "" means the root directory.
        env: The environment; where a name is set twice, the last value.
        env_list: The environment as written: ``NAME=value``, in order.
        entrypoint: The command's fixed part.
        cmd: The command's part that a caller replaces.
        exposed_ports: What EXPOSE declares.
        labels: Key and value.
        volumes: Mount points that the image declares.
        triggers: What ONBUILD holds ready for builds upon the image.
        stop_signal: As written, or None for the engine's default.
        shell: What shell-form instructions run with.
        health_check: The HEALTHCHECK; None also where the image's format lost it.
        diff_ids: The digests of the uncompressed layers, lowest first.
        history: How it was built.
        raw: The whole document.
    """

    os: str
    architecture: str
    variant: str | None
    created: datetime | None
    author: str | None
    user: str
    working_dir: str
    env: Mapping[str, str]
    env_list: tuple[str, ...]
    entrypoint: tuple[str, ...] | None
    cmd: tuple[str, ...] | None
    exposed_ports: frozenset[Port]
    labels: Mapping[str, str]
    volumes: frozenset[str]
    triggers: tuple[str, ...]
    stop_signal: str | None
    shell: tuple[str, ...] | None
    health_check: HealthCheck | None
    diff_ids: tuple[Digest, ...]
    history: tuple[HistoryEntry, ...]
    raw: Mapping[str, object] = field(repr=False)

    @classmethod
    def parse(cls, data: bytes, where: str) -> ImageConfig:
        """Read a configuration document.

        Raises:
            ImageError: A value is missing or has the wrong shape.
        """
        document = JsonObject.parse(data, where)
        run = document.optional_object("config") or JsonObject({}, where)
        env_list = run.texts("Env") or ()
        return cls(
            os=document.text("os"),
            architecture=document.text("architecture"),
            variant=document.optional_text("variant") or None,
            created=_time(document, "created"),
            author=document.optional_text("author"),
            user=run.optional_text("User") or "",
            working_dir=run.optional_text("WorkingDir") or "",
            env=MappingProxyType(dict(_split(pair) for pair in env_list)),
            env_list=env_list,
            entrypoint=run.texts("Entrypoint"),
            cmd=run.texts("Cmd"),
            exposed_ports=frozenset(_port(key, where) for key in run.key_set("ExposedPorts")),
            labels=MappingProxyType(run.text_map("Labels")),
            volumes=frozenset(run.key_set("Volumes")),
            triggers=run.texts("OnBuild") or (),
            stop_signal=run.optional_text("StopSignal"),
            shell=run.texts("Shell"),
            health_check=_health_check(run),
            diff_ids=_diff_ids(document),
            history=tuple(map(_history_entry, document.objects("history"))),
            raw=MappingProxyType(dict(document.value)),
        )

    @property
    def platform(self) -> Platform:
        """What the image says it runs on."""
        return Platform(self.os, self.architecture, self.variant)

    @property
    def lost_health_check(self) -> str | None:
        """The build step that set a health check which is not there; None when nothing was lost.

        The OCI specification's configuration has no place for a health check. Builders that keep to its letter leave
        it out, while the history still tells of it.
        """
        steps = [entry.created_by for entry in self.history if _INSTRUCTION.search(entry.created_by)]
        if self.health_check is not None or not steps or _DISABLED.search(steps[-1]):
            return None
        return steps[-1]

    @property
    def history_problem(self) -> str | None:
        """What is wrong when the history does not name as many layers as there are; None when it agrees.

        Both formats make the history optional, so an absent one agrees.
        """
        with_layer = sum(not entry.empty_layer for entry in self.history)
        if not self.history or with_layer == len(self.diff_ids):
            return None
        return f"the history names {with_layer} layers, rootfs.diff_ids {len(self.diff_ids)}"

    @property
    def instructions(self) -> tuple[str, ...]:
        """The instruction behind each layer; "" for each where the history does not tell."""
        if not self.history or self.history_problem:
            return ("",) * len(self.diff_ids)
        return tuple(entry.created_by for entry in self.history if not entry.empty_layer)


def _split(pair: str) -> tuple[str, str]:
    name, _, value = pair.partition("=")
    return name, value


def _port(text: str, where: str) -> Port:
    try:
        return Port.parse(text)
    except HarnessError as error:
        raise ImageError(f"config.ExposedPorts: {error.what}", where=where) from None


def _time(item: JsonObject, key: str) -> datetime | None:
    text = item.optional_text(key)
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ImageError(f"{item.path}{key} is no RFC 3339 time: {text[:80]!r}", where=item.where) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _history_entry(item: JsonObject) -> HistoryEntry:
    return HistoryEntry(
        created_by=item.optional_text("created_by") or "",
        created=_time(item, "created"),
        empty_layer=item.boolean("empty_layer"),
        comment=item.optional_text("comment") or "",
    )


def _diff_ids(document: JsonObject) -> tuple[Digest, ...]:
    rootfs = document.mapping("rootfs")
    texts = rootfs.texts("diff_ids") or ()
    if len(texts) > LAYERS:
        raise ImageError(f"rootfs.diff_ids lists {len(texts)} layers, more than {LAYERS}", where=document.where)
    try:
        return tuple(map(Digest, texts))
    except HarnessError as error:
        raise ImageError(f"rootfs.diff_ids: {error.what}", where=document.where) from None


def _health_check(run: JsonObject) -> HealthCheck | None:
    check = run.optional_object("Healthcheck")
    if check is None:
        return None

    def span(key: str) -> timedelta | None:
        # Docker writes nanoseconds, and 0 where the instruction leaves the value to the engine.
        nanoseconds = check.optional_integer(key)
        return timedelta(microseconds=nanoseconds / 1000) if nanoseconds else None

    return HealthCheck(
        test=check.texts("Test") or (),
        interval=span("Interval"),
        timeout=span("Timeout"),
        start_period=span("StartPeriod"),
        start_interval=span("StartInterval"),
        retries=check.optional_integer("Retries") or None,
    )
