"""The package index as this machine's pip is told to use it, for the pip of the stand-in builder.

Only what decides which index is asked and whether it is believed is taken over; indices on this machine's disk are
not, since a build cannot see them (pip documentation, "Configuration").
"""

from __future__ import annotations

import configparser
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

_URL_SETTINGS = ("index-url", "extra-index-url")
_PLAIN_SETTINGS = ("trusted-host", "proxy")

TIMEOUT = timedelta(minutes=2)
"""What pip waits for an answer in the builder: it runs under emulation there, where its own 15 s can be too short."""


@dataclass(frozen=True, slots=True)
class PipConfig:
    """What pip in the builder is told.

    Args:
        settings: Its `[global]` settings.
        ca_bundle: The file of certificate authorities that this machine believes and Debian does not know, if any.
    """

    settings: Mapping[str, str] = field(default_factory=dict)
    ca_bundle: Path | None = None

    def as_file(self, ca_bundle_there: str) -> str:
        """The text of pip.conf.

        Args:
            ca_bundle_there: Where the bundle lies in the builder.
        """
        settings = {**self.settings, "timeout": f"{TIMEOUT.total_seconds():.0f}"}
        settings |= {"cert": ca_bundle_there} if self.ca_bundle else {}
        lines = [f"{name} = " + value.replace("\n", "\n    ") for name, value in settings.items()]
        return "\n".join(["[global]", *lines]) + "\n"


def config_files(environment: Mapping[str, str], home: Path) -> list[Path]:
    """Pip's configuration files, the weakest first."""
    named = environment.get("PIP_CONFIG_FILE")
    files = [
        Path("/etc/xdg/pip/pip.conf"),
        Path("/etc/pip.conf"),
        home / ".pip" / "pip.conf",
        Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "pip" / "pip.conf",
        Path(sys.prefix) / "pip.conf",
    ]
    if named == "/dev/null":  # pip's own way to say: none of them
        return []
    return [*files, Path(named)] if named else files


def read_pip_config(
    files: Sequence[Path], environment: Mapping[str, str], *, own_authorities: Path, system_bundle: Path
) -> PipConfig:
    """Reads this machine's pip configuration: the environment over the files, later files over earlier ones.

    Args:
        files: Configuration files, the weakest first; those that are not there are passed over.
        environment: The environment variables.
        own_authorities: Where this machine's administrator puts certificate authorities (update-ca-certificates(8)).
        system_bundle: The bundle that those end up in.
    """
    settings: dict[str, str] = {}
    for file in files:
        settings |= _global_section(file)
    for name in (*_URL_SETTINGS, *_PLAIN_SETTINGS, "cert"):
        if given := environment.get(f"PIP_{name.upper().replace('-', '_')}"):
            settings[name] = given

    taken = {name: value for name in _URL_SETTINGS if (value := _reachable(settings.get(name, "")))}
    taken |= {name: settings[name] for name in _PLAIN_SETTINGS if settings.get(name)}
    bundle = Path(settings["cert"]) if settings.get("cert") else None
    if bundle is None and any(own_authorities.glob("*.crt")):
        bundle = system_bundle
    return PipConfig(taken, bundle if bundle and bundle.is_file() else None)


def _global_section(file: Path) -> dict[str, str]:
    parser = configparser.RawConfigParser()
    try:
        parser.read(file, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return {}  # pip itself will say so when it is used; here it only means that nothing can be taken over
    return {
        key.replace("_", "-"): value.strip()
        for section in ("global", "install")
        if parser.has_section(section)
        for key, value in parser.items(section)
    }


def _reachable(urls: str) -> str:
    return "\n".join(url for url in urls.split() if url.startswith(("http://", "https://")))
