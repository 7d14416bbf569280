"""Puts together what stands in for the slim Python image: a minimal Debian of arm64, configured under emulation."""

from __future__ import annotations

import os
import shlex
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from monitor_build.apt import Archive, Source
from monitor_build.errors import BuildError
from monitor_build.oci import Layout, Platform, RunConfig
from monitor_build.pip_config import PipConfig
from monitor_build.process import Echo, run_logged
from monitor_build.recipe import Made, Recipe

CA_BUNDLE = "/etc/machine-authorities.pem"
"""Where the builder's pip and apt find the authorities of this machine: not where Debian keeps what images get."""


class SlimPython(Recipe):
    """The recipe of the builder base.

    Args:
        file: The recipe as data.
        sources: Debian's archive, as apt on this machine knows it.
        apt_settings: What else apt needs to reach it.
        pip: How pip is to reach the package index.
        echo: Told each line that mmdebstrap says.
    """

    def __init__(
        self, file: Path, sources: tuple[Source, ...], apt_settings: Mapping[str, str], pip: PipConfig, echo: Echo
    ) -> None:
        self._data = tomllib.loads(file.read_text(encoding="utf-8"))
        super().__init__(file, stands_in_for=self._data["stands_in_for"])
        self._sources = sources
        self._apt_settings = apt_settings
        self._pip = pip
        self._echo = echo

    def settings(self) -> tuple[str, ...]:
        """The archive and the index are configured in the image, so they decide what it is."""
        authorities = self._pip.ca_bundle.read_text() if self._pip.ca_bundle else ""
        return (
            *map(str, self._sources),
            repr(sorted(self._apt_settings.items())),
            self._pip.as_file(CA_BUNDLE),
            authorities,
        )

    def make(self, layout: Layout, workshop: Path) -> Made:
        """Runs mmdebstrap and wraps its tar; see `Recipe.make`."""
        archive = Archive(workshop / "apt", self._data["architecture"], self._sources).update()
        sources = workshop / "debian.sources"
        sources.write_text("\n".join(map(str, archive.sources)))
        tar = workshop / "rootfs.tar"
        status = workshop / "status"
        clock = archive.date()
        log = workshop / "mmdebstrap.log"
        code = run_logged(
            [*self._command(workshop, status), self._data["suite"], tar, sources],
            log=log,
            echo=self._echo,
            # By this date the same packages give the same bytes, and what was built on them stays in BuildKit's cache.
            environment={**os.environ, "TMPDIR": str(workshop), "SOURCE_DATE_EPOCH": str(int(clock.timestamp()))},
        )
        if code != 0:
            raise BuildError(
                _reason(log.read_text()),
                where=f"mmdebstrap for {self.stands_in_for}",
                fix="./qemu-setup.sh --check says whether arm64 programs run here",
            )
        versions = dict(_installed(status.read_text()))
        config = self._data["config"]
        digest = layout.finish(
            # Left unpacked: it never leaves this machine, and packing it would take longer than sending it.
            layout.add_layer(tar, compress=False),
            platform=Platform("linux", self._data["architecture"], self._data["variant"]),
            run=RunConfig(config["user"], config["working_dir"], config["env"], cmd=tuple(config["cmd"])),
            created=clock.strftime("%Y-%m-%dT%H:%M:%SZ"),
            created_by=self.created_by,
            comment=" ".join(f"{name}={version}" for name, version in versions.items()),
        )
        return Made(digest, versions)

    def _command(self, workshop: Path, status: Path) -> list[str]:
        data = self._data
        return [
            # What it mounts in the new root goes with it, even when it is killed: nothing of this machine's /dev and
            # /sys stays in a folder that the next build clears away.
            "unshare",
            "--mount",
            "mmdebstrap",
            f"--architectures={data['architecture']}",
            "--variant=apt",
            "--format=tar",
            "--verbose",
            f"--include={','.join(data['packages'])}",
            # As upstream's Debian is, without the package that would convert another one and the Perl that it needs.
            "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
            # The tar is what has to be whole in the end, not the disk underneath while it is made.
            "--dpkgopt=force-unsafe-io",
            *(f"--dpkgopt=path-exclude={pattern}" for pattern in data["left_out"]),
            *(f"--dpkgopt=path-include={pattern}" for pattern in data["kept"]),
            *(f'--aptopt={key} "{value}"' for key, value in self._apt_settings.items()),
            *(f"--customize-hook={hook}" for hook in self._hooks(workshop, status)),
        ]

    def _hooks(self, workshop: Path, status: Path) -> Iterator[str]:
        """Shell commands that mmdebstrap runs outside of the new root, whose path is their `$1`."""
        wheels = self._data["wheels"]
        there = f'"$1"{wheels["site_packages"]}'
        yield f"mkdir -p {there}"
        for name in wheels["names"]:
            yield f'{shlex.quote(sys.executable)} -m zipfile -e "$1"{wheels["folder"]}/{name}-*.whl {there}'
        script = workshop / "pip"
        script.write_text(
            f"#!/usr/local/bin/{self._data['python']}\n"
            "import sys\n\nfrom pip._internal.cli.main import main\n\nsys.exit(main())\n"
        )
        script.chmod(0o755)
        yield f'cp -p {shlex.quote(str(script))} "$1"/usr/local/bin/pip'
        for path, target in self._data["links"].items():
            yield f'ln -sf {target} "$1"{path}'
        # Debian's mark that pip must keep its hands off the system's Python (PEP 668): upstream's image has none.
        yield f'rm -f "$1"/usr/lib/{self._data["python"]}/EXTERNALLY-MANAGED'
        pip_conf = workshop / "pip.conf"
        pip_conf.write_text(self._pip.as_file(CA_BUNDLE))
        yield f'cp {shlex.quote(str(pip_conf))} "$1"/etc/pip.conf'
        if self._pip.ca_bundle:
            yield f'install -D -m 644 {shlex.quote(str(self._pip.ca_bundle))} "$1"{CA_BUNDLE}'
            # apt in the builder meets the same interception as pip there.
            apt_conf = workshop / "apt.conf"
            apt_conf.write_text(f'Acquire::https::CaInfo "{CA_BUNDLE}";\n')
            yield f'cp {shlex.quote(str(apt_conf))} "$1"/etc/apt/apt.conf.d/01authorities'
        for file in self._files_that_apt_names():
            there = f'"$1"{shlex.quote(file)}'
            yield f"test -e {there} || install -D -m 644 {shlex.quote(file)} {there}"
        yield f'cp "$1"/var/lib/dpkg/status {shlex.quote(str(status))}'

    def _files_that_apt_names(self) -> list[str]:
        """Keyrings and authorities of this machine's apt, whose configuration is the builder's as well."""
        signers = {word for source in self._sources for word in source.options.get("Signed-By", "").split()}
        authorities = {value for key, value in self._apt_settings.items() if key.lower().endswith("::cainfo")}
        return sorted(name for name in signers | authorities if name.startswith("/"))


def _installed(status: str) -> Iterator[tuple[str, str]]:
    name = ""
    for line in status.splitlines():
        if line.startswith("Package: "):
            name = line.removeprefix("Package: ")
        elif line.startswith("Version: "):
            yield name, line.removeprefix("Version: ")


def _reason(log: str) -> str:
    errors = [line for line in log.splitlines() if line.startswith("E:")]
    return errors[0] if errors else (log.strip().splitlines() or ["it said nothing"])[-1]
