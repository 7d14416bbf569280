"""The runtime's stand-in against what is known of the image that it stands in for."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor_build.apt import Source
from monitor_build.bases import RUNTIME
from monitor_build.distroless import Distroless
from monitor_build.docker_client import DockerClient
from monitor_build.stand_in import StandIn

PACKAGES = [
    "base-files",
    "netbase",
    "tzdata",
    "media-types",
    "libc6",
    "libssl3",
    "libgomp1",
    "libstdc++6",
    "libgcc-s1",
    "gcc-12-base",
    "libbz2-1.0",
    "libdb5.3",
    "libexpat1",
    "liblzma5",
    "libsqlite3-0",
    "libuuid1",
    "libncursesw6",
    "libtinfo6",
    "python3-distutils",
    "zlib1g",
    "libcom-err2",
    "libcrypt1",
    "libgssapi-krb5-2",
    "libk5crypto3",
    "libkeyutils1",
    "libkrb5-3",
    "libkrb5support0",
    "libnsl2",
    "libreadline8",
    "libtirpc3",
    "libffi8",
    "libpython3.11-minimal",
    "libpython3.11-stdlib",
    "python3.11-minimal",
]
STATUS_D = "var/lib/dpkg/status.d"
PYTHON = "/usr/bin/python3.11"

# What upstream's own test leaves out: modules of another system, of the interpreter's own tests, that end the process,
# or that need what Debian packs apart.
NOT_IMPORTED = [
    "asyncio.windows_events",
    "asyncio.windows_utils",
    "ctypes.wintypes",
    "distutils._msvccompiler",
    "distutils.command.bdist_msi",
    "distutils.msvc9compiler",
    "encodings.cp65001",
    "encodings.mbcs",
    "encodings.oem",
    "multiprocessing.popen_spawn_win32",
    "winreg",
    "test",
    "unittest.__main__",
    "venv.__main__",
    "dbm.gnu",
    "lib2to3.pgen2.conv",
    "turtle",
]


def test_recipe_names_upstreams_packages_and_no_other(repository: Path) -> None:
    recipe = Distroless(repository / "buildx" / "bases" / "distroless-python3-debian12.toml", ())

    assert list(recipe.packages) == PACKAGES
    assert recipe.stands_in_for == RUNTIME


def test_recipes_key_is_the_same_on_another_mirror(repository: Path) -> None:
    file = repository / "buildx" / "bases" / "distroless-python3-debian12.toml"
    mirror = Source(("http://mirror.test/debian",), ("bookworm",), ("main",))

    assert Distroless(file, ()).key == Distroless(file, (mirror,)).key


class Made:
    """A stand-in's layout, read.

    Args:
        layout: Its directory.
        digest: Its manifest.
    """

    def __init__(self, layout: Path, digest: str) -> None:
        blobs = layout / "blobs" / "sha256"
        manifest = json.loads((blobs / digest.removeprefix("sha256:")).read_text())
        self.config = json.loads((blobs / manifest["config"]["digest"].removeprefix("sha256:")).read_text())
        (layer,) = manifest["layers"]
        self.members: dict[str, tarfile.TarInfo] = {}
        self._contents: dict[str, bytes] = {}
        with tarfile.open(blobs / layer["digest"].removeprefix("sha256:")) as tar:
            for member in tar:
                self.members[member.name] = member
                if stream := tar.extractfile(member) if member.isreg() else None:
                    self._contents[member.name] = stream.read()

    def read(self, name: str) -> bytes:
        return self._contents[name]


@pytest.fixture(scope="module")
def made(distroless: StandIn) -> Made:
    return Made(distroless.directory, distroless.digest)


@pytest.mark.engine
class TestFiles:
    """Needs Debian's archive, and no engine, when no build has made the stand-in yet."""

    def test_package_database_names_upstreams_packages_and_no_other(self, made: Made) -> None:
        names = {Path(name).name for name in made.members if name.startswith(f"{STATUS_D}/")}

        assert {name for name in names if not name.endswith(".md5sums")} == set(PACKAGES)
        assert {name.removesuffix(".md5sums") for name in names if name.endswith(".md5sums")} == set(PACKAGES)
        assert "var/lib/dpkg/status" not in made.members
        assert not any(name.startswith("var/lib/dpkg/info") for name in made.members)

    def test_every_package_is_of_the_image_platform(self, made: Made) -> None:
        for package in PACKAGES:
            control = made.read(f"{STATUS_D}/{package}").decode()
            assert re.search(r"^Architecture: (arm64|all)$", control, re.MULTILINE), package

    def test_every_file_is_the_one_that_its_package_brought(self, made: Made) -> None:
        other = []
        for package in PACKAGES:
            for line in made.read(f"{STATUS_D}/{package}.md5sums").decode().splitlines():
                checksum, name = line.split(maxsplit=1)
                if hashlib.md5(made.read(name), usedforsecurity=False).hexdigest() != checksum:
                    other.append(name)

        # Upstream, too, puts its own in this one's place.
        assert other == ["usr/lib/os-release"]

    def test_accounts_are_upstreams(self, made: Made) -> None:
        assert made.read("etc/passwd").decode().splitlines() == [
            "root:x:0:0:root:/root:/sbin/nologin",
            "nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin",
            "nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin",
        ]
        assert made.read("etc/group").decode().splitlines() == [
            "root:x:0:",
            "nobody:x:65534:",
            "tty:x:5:",
            "staff:x:50:",
            "nonroot:x:65532:",
        ]

    @pytest.mark.parametrize(
        ("path", "mode", "uid"),
        [("root", 0o700, 0), ("home", 0o755, 0), ("home/nonroot", 0o700, 65532), ("tmp", 0o1777, 0)],
    )
    def test_directories_are_upstreams(self, made: Made, path: str, mode: int, uid: int) -> None:
        member = made.members[path]

        assert member.isdir()
        assert (oct(member.mode), member.uid, member.gid) == (oct(mode), uid, uid)

    def test_system_is_named_as_upstream_names_it(self, made: Made) -> None:
        assert made.members["etc/os-release"].linkname == "../usr/lib/os-release"
        text = made.read("usr/lib/os-release").decode()
        assert 'PRETTY_NAME="Distroless"\n' in text
        assert 'VERSION="Debian GNU/Linux 12 (bookworm)"\n' in text
        assert made.read("etc/nsswitch.conf").decode().startswith("passwd:")

    def test_python_is_found_by_its_three_names(self, made: Made) -> None:
        assert made.members["usr/bin/python"].linkname == PYTHON
        assert made.members["usr/bin/python3"].linkname == PYTHON
        assert made.members["usr/bin/python3.11"].isreg()

    def test_locale_is_there_and_its_package_is_not(self, made: Made) -> None:
        assert "usr/lib/locale/C.utf8/LC_CTYPE" in made.members
        assert "usr/bin/locale" not in made.members

    def test_bundle_holds_debians_authorities_and_none_of_this_machines(self, made: Made) -> None:
        bundle = made.read("etc/ssl/certs/ca-certificates.crt").decode()
        own = [file.read_text().strip() for file in Path("/usr/local/share/ca-certificates").glob("*.crt")]

        assert bundle.count("-----BEGIN CERTIFICATE-----") > 100
        assert bundle.count("-----BEGIN CERTIFICATE-----") == bundle.count("-----END CERTIFICATE-----\n")
        assert not [text for text in own if text in bundle]

    def test_nothing_has_a_set_user_id_bit_or_lets_others_write(self, made: Made) -> None:
        open_to_all = [
            name
            for name, member in made.members.items()
            if member.mode & 0o4000 or (member.mode & 0o002 and not member.mode & 0o1000 and not member.issym())
        ]

        assert open_to_all == []

    def test_configuration_is_upstreams(self, made: Made) -> None:
        assert made.config["os"] == "linux"
        assert made.config["architecture"] == "arm64"
        assert made.config["config"] == {
            "User": "0",
            "Env": [
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt",
                "LANG=C.UTF-8",
            ],
            "Entrypoint": [PYTHON],
            "WorkingDir": "/",
        }

    def test_history_says_first_that_it_is_a_stand_in(self, made: Made) -> None:
        first = made.config["history"][0]

        assert first["created_by"].startswith(f"stand-in for {RUNTIME}, put together from Debian packages")
        assert "python3.11-minimal=3.11.2" in first["comment"]


@pytest.fixture(scope="module")
def image(client: DockerClient, distroless: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The stand-in in the engine, under a name of this test run's own."""
    name = f"image-harness-test/distroless:{os.getpid()}"
    folder = tmp_path_factory.mktemp("distroless")
    (folder / "Dockerfile").write_text("FROM base\n")
    command: list[str | Path] = [
        client.program,
        "buildx",
        "build",
        "--quiet",
        "--platform",
        "linux/arm64",
        "--tag",
        name,
    ]
    subprocess.run([*command, "--build-context", f"base={distroless.context}", folder], check=True, capture_output=True)
    yield name
    client.remove_image(name)


@pytest.mark.engine
class TestUpstreamsOwnTests:
    """What the upstream project asks of its image."""

    def python(self, client: DockerClient, image: str, code: str) -> subprocess.CompletedProcess[str]:
        command: list[str | Path] = [
            client.program,
            "run",
            "--rm",
            "--platform",
            "linux/arm64",
            "--network",
            "none",
            image,
            "-c",
            code,
        ]
        return subprocess.run(command, check=False, capture_output=True, text=True)

    def test_it_says_hello(self, client: DockerClient, image: str) -> None:
        done = self.python(client, image, "print('Hello World')")

        assert (done.returncode, done.stdout) == (0, "Hello World\n")

    def test_it_has_no_shell(self, client: DockerClient, image: str) -> None:
        code = "import subprocess, sys; subprocess.check_call(sys.executable + ' -h', shell=True)"

        done = self.python(client, image, code)

        assert done.returncode == 1
        assert "No such file or directory: '/bin/sh'" in done.stderr

    def test_its_file_names_are_utf_8(self, client: DockerClient, image: str) -> None:
        code = "open('/tmp/h\\xe9llo', 'w'); import sys, os; print(sys.getfilesystemencoding(), os.listdir('/tmp'))"

        done = self.python(client, image, code)

        assert done.stdout == "utf-8 ['h\xe9llo']\n"

    def test_every_module_of_its_standard_library_imports(self, client: DockerClient, image: str) -> None:
        code = f"""
import pkgutil
left_out, count = {NOT_IMPORTED!r}, 0
def broken(name):
    raise SystemExit('cannot be walked: ' + name)
for module in pkgutil.walk_packages(onerror=broken):
    if module.name not in left_out and not module.name.startswith('test.'):
        __import__(module.name)
        count += 1
print('all', count)
"""

        done = self.python(client, image, code)

        assert done.returncode == 0, done.stderr[-2000:]
        counted = re.search(r"^all (\d+)$", done.stdout, re.MULTILINE)
        assert counted, done.stdout[-500:]
        assert int(counted[1]) > 500
