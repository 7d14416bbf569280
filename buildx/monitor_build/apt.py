"""Debian's package archive as this machine's apt knows it: where it is, and packages of another architecture out of it.

Nothing here names a mirror: what apt is configured with is what is used (sources.list(5), one-line and deb822 style).
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

from monitor_build.errors import BuildError
from monitor_build.process import output_of

FETCH_LIMIT = timedelta(minutes=10)
"""For one fetch of indices or packages: a mirror that takes longer is not going to answer."""

_KEPT_SETTINGS = re.compile(
    r"^Acquire::(Check-Valid-Until|Check-Date|Retries|(?:http|https|ftp)(?:::[^\s:]+)?::(?:Proxy|CaInfo|Timeout|Verify-Peer))$",
    re.IGNORECASE,
)
"""What of apt's settings decides whether the archive can be reached; everything else is this machine's own business."""


_DATE = re.compile(r"^Date: (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Source:
    """One stanza of sources.list(5): archives that packages come from.

    Args:
        uris: Where.
        suites: Which releases.
        components: Which parts of them.
        options: The other fields that still mean something for another architecture, by deb822 name.
    """

    uris: tuple[str, ...]
    suites: tuple[str, ...]
    components: tuple[str, ...]
    options: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        lines = [
            "Types: deb",
            f"URIs: {' '.join(self.uris)}",
            f"Suites: {' '.join(self.suites)}",
            f"Components: {' '.join(self.components)}",
            *(f"{name}: {value}" for name, value in self.options.items()),
        ]
        return "\n".join(lines) + "\n"


_OPTION_NAMES = {
    "signed-by": "Signed-By",
    "trusted": "Trusted",
    "check-valid-until": "Check-Valid-Until",
    "check-date": "Check-Date",
    "allow-insecure": "Allow-Insecure",
}


def parse_one_line(text: str) -> Iterator[Source]:
    """The `deb` lines of a sources.list file."""
    pattern = re.compile(r"^deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<components>[^#]+)")
    for line in text.splitlines():
        found = pattern.match(line.strip())
        if found is None:
            continue
        given = dict(option.split("=", 1) for option in shlex.split(found["options"] or "") if "=" in option)
        options = {_OPTION_NAMES[key.lower()]: value for key, value in given.items() if key.lower() in _OPTION_NAMES}
        yield Source((found["uri"],), (found["suite"],), tuple(found["components"].split()), options)


def parse_deb822(text: str) -> Iterator[Source]:
    """The enabled stanzas of a `.sources` file that are about binary packages."""
    for paragraph in re.split(r"\n\s*\n", "\n".join(line for line in text.splitlines() if not line.startswith("#"))):
        fields = _fields(paragraph)
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() in {"no", "false", "0"}:
            continue
        options = {name: fields[key] for key, name in _OPTION_NAMES.items() if key in fields}
        yield Source(
            tuple(fields.get("uris", "").split()),
            tuple(fields.get("suites", "").split()),
            tuple(fields.get("components", "").split()),
            options,
        )


def _fields(paragraph: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    name = ""
    for line in paragraph.splitlines():
        if line[:1].isspace() and name:
            fields[name] += f"\n{line.rstrip()}"  # a continuation keeps its indent: an embedded key needs it
        elif ":" in line:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            fields[name] = value.strip()
    return fields


def configured_sources(etc_apt: Path) -> list[Source]:
    """Every source of an apt configuration directory, in apt's order."""
    parts = sorted((etc_apt / "sources.list.d").glob("*")) if (etc_apt / "sources.list.d").is_dir() else []
    sources: list[Source] = []
    for file in [etc_apt / "sources.list", *parts]:
        if not file.is_file():
            continue
        if file.suffix == ".sources":
            sources += parse_deb822(file.read_text())
        elif file.suffix == ".list":
            sources += parse_one_line(file.read_text())
    return sources


def sources_of_suite(sources: Iterable[Source], suite: str) -> list[Source]:
    """What of a machine's sources serves a Debian release, its updates and its security updates.

    A machine of another Debian release has the same archives under its own suites' names: then those are asked for
    `suite` instead.

    Raises:
        BuildError: Neither is configured.
    """
    candidates = [source for source in sources if "main" in source.components]
    wanted = {suite, f"{suite}-updates", f"{suite}-security"}
    chosen = [
        replace(source, suites=tuple(name for name in source.suites if name in wanted), components=("main",))
        for source in candidates
        if wanted.intersection(source.suites)
    ]
    if not any(suite in source.suites for source in chosen):
        chosen = [renamed for source in candidates if (renamed := _for_suite(source, suite))]
    if not chosen:
        raise BuildError(
            f"no Debian archive to take packages of {suite} from",
            where="apt's configuration (/etc/apt/sources.list*)",
            fix=f"add a source for {suite} main there, or make a container registry reachable",
        )
    return chosen


def _for_suite(source: Source, suite: str) -> Source | None:
    archive = source.options.get("Signed-By", "debian-archive")
    if "debian-archive" not in archive or not all(
        re.fullmatch(r"[a-z]+(-updates|-security)?", s) for s in source.suites
    ):
        return None
    suites = tuple(
        suite + (found[1] if (found := re.search(r"(-updates|-security)$", s)) else "") for s in source.suites
    )
    return replace(source, suites=suites, components=("main",))


def reachability_settings() -> dict[str, str]:
    """The settings of this machine's apt that decide whether its archives can be reached and are believed."""
    settings: dict[str, str] = {}
    for line in output_of(["apt-config", "dump"]).splitlines():
        key, _, value = line.partition(" ")
        text = value.strip().removesuffix(";").strip('"')
        if text and _KEPT_SETTINGS.match(key):
            settings[key] = text
    return settings


@dataclass(frozen=True, slots=True)
class Archive:
    """An apt state of its own, for another architecture than the machine's.

    Args:
        root: A directory that only this archive uses; it may vanish afterwards.
        architecture: Debian's name of it.
        sources: Where packages come from.
    """

    root: Path
    architecture: str
    sources: tuple[Source, ...]

    def update(self) -> Archive:
        """Fetches the indices and leaves out what is not Debian's own archive.

        Raises:
            BuildError: An index cannot be had.
        """
        for directory in ("lists/partial", "cache/archives/partial", "none"):
            (self.root / directory).mkdir(parents=True, exist_ok=True)
        (self.root / "status").touch()
        self._write_configuration()
        self._write_sources(self.sources)
        self._apt_get("update", "--error-on=any")
        of_debian = {
            uri.rstrip("/")
            for uri, origin in (
                line.split("|", 1)
                for line in self._apt_get("indextargets", "--format", "$(REPO_URI)|$(ORIGIN)").splitlines()
            )
            if origin == "Debian"
        }
        kept = tuple(source for source in self.sources if {uri.rstrip("/") for uri in source.uris} <= of_debian)
        if not kept:
            raise BuildError("none of its sources is Debian's archive", where="apt's configuration")
        self._write_sources(kept)
        return replace(self, sources=kept)

    def date(self) -> datetime:
        """When the archive was published last: the youngest date of its indices' signed heads.

        Raises:
            BuildError: It has not been updated from.
        """
        heads = (file.read_text(errors="replace") for file in (self.root / "lists").glob("*_InRelease"))
        dates = [parsedate_to_datetime(found[1]) for head in heads if (found := _DATE.search(head))]
        if not dates:
            raise BuildError("its indices tell no date", where="Debian's archive")
        return max(dates)

    def download(self, packages: Sequence[str], destination: Path) -> list[Path]:
        """Fetches packages, verified by apt against the archive's signature.

        Args:
            packages: Their names; the newest version of each is taken.
            destination: A directory for the files.

        Returns:
            The files, in the order of their names.

        Raises:
            BuildError: A package is not in the archive, or cannot be had.
        """
        destination.mkdir(parents=True)
        self._apt_get("download", *packages, cwd=destination)
        return sorted(destination.glob("*.deb"))

    def _write_sources(self, sources: Iterable[Source]) -> None:
        (self.root / "debian.sources").write_text("\n".join(map(str, sources)))

    def _write_configuration(self) -> None:
        settings = {
            "Dir::State": self.root,
            "Dir::State::Lists": self.root / "lists",
            "Dir::State::status": self.root / "status",
            "Dir::Cache": self.root / "cache",
            "Dir::Etc::sourcelist": self.root / "debian.sources",
            "Dir::Etc::sourceparts": self.root / "none",
            "Dir::Etc::preferences": self.root / "none" / "preferences",
            "Dir::Etc::preferencesparts": self.root / "none",
            "APT::Architecture": self.architecture,
            "APT::Architectures": self.architecture,
            "Acquire::Languages": "none",
        }
        if os.geteuid() == 0:
            settings["APT::Sandbox::User"] = "root"  # the directory is ours: the sandbox's user could not write to it
        # This machine's hooks after an update are about this machine's packages.
        cleared = ("APT::Architectures", "APT::Update::Post-Invoke", "APT::Update::Post-Invoke-Success")
        lines = [f"#clear {key};" for key in cleared] + [f'{key} "{value}";' for key, value in settings.items()]
        (self.root / "apt.conf").write_text("\n".join(lines) + "\n")

    def _apt_get(self, *arguments: str, cwd: Path | None = None) -> str:
        command: list[str | Path] = ["apt-get", "-q", "--config-file", self.root / "apt.conf", *arguments]
        return output_of(command, timeout=FETCH_LIMIT, cwd=cwd)
