"""Puts together what stands in for the distroless Python image: Debian packages of arm64, unpacked, not installed."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from monitor_build.apt import Archive, Source
from monitor_build.debs import PackageFile
from monitor_build.oci import Layout, Platform, RunConfig
from monitor_build.recipe import Made, Recipe
from monitor_build.rootfs import RootFilesystem

STATUS_D = "/var/lib/dpkg/status.d"


class Distroless(Recipe):
    """The recipe of the runtime base.

    Args:
        file: The recipe as data.
        sources: Debian's archive, as apt on this machine knows it.
    """

    def __init__(self, file: Path, sources: tuple[Source, ...]) -> None:
        self._data = tomllib.loads(file.read_text(encoding="utf-8"))
        super().__init__(file, stands_in_for=self._data["stands_in_for"])
        self._sources = sources

    @property
    def packages(self) -> tuple[str, ...]:
        """The packages that the image consists of, in upstream's order."""
        return tuple(name for group in self._data["packages"].values() for name in group)

    def make(self, layout: Layout, workshop: Path) -> Made:
        """Downloads, unpacks and writes the image; see `Recipe.make`."""
        extracts = [extract["package"] for extract in self._data["extracts"].values()]
        archive = Archive(workshop / "apt", self._data["architecture"], self._sources).update()
        files = archive.download([*self.packages, *extracts], workshop / "packages")
        debs = {deb.name: deb for deb in map(PackageFile.open, files)}
        clock = max(_newest(deb) for deb in debs.values())

        rootfs = RootFilesystem(clock)
        for name in self.packages:
            _unpack(rootfs, debs[name])
        self._add_extracts(rootfs, debs, clock)
        self._add_own_files(rootfs)

        tar = workshop / "rootfs.tar"
        rootfs.write(tar)
        versions = {name: debs[name].version for name in sorted(debs)}
        config = self._data["config"]
        digest = layout.finish(
            layout.add_layer(tar, compress=True),
            platform=Platform("linux", self._data["architecture"], self._data["variant"]),
            run=RunConfig(config["user"], config["working_dir"], config["env"], tuple(config["entrypoint"])),
            created=clock.strftime("%Y-%m-%dT%H:%M:%SZ"),
            created_by=self.created_by,
            comment=" ".join(f"{name}={version}" for name, version in versions.items()),
        )
        return Made(digest, versions)

    def _add_extracts(self, rootfs: RootFilesystem, debs: Mapping[str, PackageFile], clock: datetime) -> None:
        certificates, locale = self._data["extracts"]["certificates"], self._data["extracts"]["locale"]
        aside = RootFilesystem(clock)
        _unpack(aside, debs[certificates["package"]])
        names = sorted(
            path for path in aside.paths() if path.startswith(certificates["folder"]) and path.endswith(".crt")
        )
        rootfs.file(certificates["bundle"], b"".join(aside.read(name).rstrip() + b"\n" for name in names))
        with debs[locale["package"]].data() as data:
            rootfs.unpack(data, below=locale["folder"])

    def _add_own_files(self, rootfs: RootFilesystem) -> None:
        for entry in self._data["directories"]:
            rootfs.directory(entry["path"], mode=entry["mode"], uid=entry.get("uid", 0), gid=entry.get("gid", 0))
        for path, text in self._data["files"].items():
            rootfs.file(path, text.lstrip("\n").encode())
        for path, target in self._data["links"].items():
            rootfs.link(path, target)
        rootfs.file("/etc/passwd", "".join(map(_passwd_line, self._data["users"])).encode())
        rootfs.file("/etc/group", "".join(f"{name}:x:{gid}:\n" for name, gid in self._data["groups"].items()).encode())


def _unpack(rootfs: RootFilesystem, deb: PackageFile) -> None:
    with deb.data() as data:
        rootfs.unpack(data)
    # The same form of the package database that upstream keeps: one file a package, none for the whole.
    rootfs.file(f"{STATUS_D}/{deb.name}", deb.control)
    rootfs.file(f"{STATUS_D}/{deb.name}.md5sums", deb.md5sums)


def _newest(deb: PackageFile) -> datetime:
    with deb.data() as data:
        return datetime.fromtimestamp(max(int(member.mtime) for member in data), UTC)


def _passwd_line(user: Mapping[str, Any]) -> str:
    return f"{user['name']}:x:{user['uid']}:{user['gid']}:{user['name']}:{user['home']}:/sbin/nologin\n"
