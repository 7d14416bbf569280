"""What the runtime base brings along (the family's facts about it)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from image_harness import asks, requirement
from image_harness.design import Design, FileDesign, Item
from image_harness.engine import InterpreterFacts
from image_harness.image import Entry, FileSystem, Image, ImageError
from image_harness.image.accounts import Accounts, accounts
from image_harness.image.debian import debian_packages


@pytest.fixture(scope="session")
def packages(filesystem: FileSystem) -> set[str]:
    """The names of the Debian packages that the image's metadata lists."""
    return {package.name for package in debian_packages(filesystem)}


@pytest.fixture(scope="session")
def known_accounts(filesystem: FileSystem) -> Accounts:
    """The image's users and groups."""
    return accounts(filesystem)


@requirement("base.package.{key}", for_each="base.debian_packages")
def test_debian_package(packages: set[str], item: Item) -> None:
    assert item.value in packages


@requirement("base.no-other-package")
def test_no_other_debian_package(packages: set[str], design: Design) -> None:
    assert packages, "the image lists no Debian package"
    assert sorted(packages - set(design.base.debian_packages)) == []


@requirement("base.no-dpkg-status")
def test_no_package_database(filesystem: FileSystem) -> None:
    assert filesystem.exists("/var/lib/dpkg/status.d"), "the image has no package metadata where the base keeps it"
    assert filesystem.entry("/var/lib/dpkg/status", follow=False) is None


@requirement("base.user.{key}", for_each="base.users")
def test_account(known_accounts: Accounts, item: Item) -> None:
    user = known_accounts.user(item.key)
    assert user is not None, f"/etc/passwd has no {item.key}"
    wanted = item.value
    assert (user.uid, user.gid, user.home, user.shell) == (wanted.uid, wanted.gid, wanted.home, wanted.shell)


@requirement("base.no-other-user")
def test_no_other_account(known_accounts: Accounts, design: Design) -> None:
    names = [user.name for user in known_accounts.users]
    assert names, "/etc/passwd has no accounts"
    assert sorted(names) == sorted(design.base.users)


@requirement("base.group.{key}", for_each="base.groups")
def test_group(known_accounts: Accounts, item: Item) -> None:
    group = known_accounts.group(item.key)
    assert group is not None, f"/etc/group has no {item.key}"
    assert (group.gid, group.members) == (item.value, ())


@requirement("base.env.{key}", for_each="base.env")
def test_environment_of_the_base(image: Image, item: Item) -> None:
    found = image.config.env
    assert item.key in found
    assert found[item.key] == item.value


@requirement("base.os-release")
def test_os_release(filesystem: FileSystem, design: Design) -> None:
    assert filesystem.exists("/etc/os-release"), "the image has no /etc/os-release"
    lines = filesystem.read_text("/etc/os-release").splitlines()
    assert f'PRETTY_NAME="{design.base.os_release_name}"' in lines


@requirement("base.file.{key}", for_each="base.files", together=True)
def test_file_of_the_base(filesystem: FileSystem, item: Item) -> None:
    entry = filesystem.entry(item.key, follow=False)
    assert entry is not None, f"{item.key} is not in the image"
    found, wanted = in_the_words_of(item.value, entry, filesystem), item.value
    assert found == wanted


def in_the_words_of(design: FileDesign, entry: Entry, filesystem: FileSystem) -> FileDesign:
    """What an entry is, as the design would say it: what the design leaves open is left open."""
    found = {
        "type": entry.type.name.lower(),
        "mode": f"{entry.mode:04o}",
        "uid": entry.uid,
        "gid": entry.gid,
        "empty": entry.size == 0 if entry.is_file else None,
        "links_to": end(filesystem, entry) if design.links_to and entry.is_symlink else None,
    }
    return design.model_copy(update={key: value for key, value in found.items() if getattr(design, key) is not None})


def end(filesystem: FileSystem, link: Entry) -> str:
    """Return the path that a link leads to, or why it leads nowhere."""
    try:
        return filesystem.resolve(link.path)
    except ImageError as error:
        return error.what


@requirement("base.hello")
@asks('print(\'{"said": "hello"}\')')
def test_hello(told: Mapping[str, Any]) -> None:
    assert told == {"said": "hello"}


@requirement("base.utf8")
def test_utf8(interpreter: InterpreterFacts) -> None:
    assert interpreter.encoding == "utf-8"


STANDARD_LIBRARY = """
import contextlib, importlib, io, json, sys
left_out = set(sys.argv[1:])
failed, imported = {}, 0
for name in sorted(set(sys.stdlib_module_names) - left_out):
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            importlib.import_module(name)
        imported += 1
    except BaseException as error:
        failed[name] = f"{type(error).__name__}: {error}"
print(json.dumps({"failed": failed, "imported": imported}))
"""


@requirement("base.standard-library")
@asks(STANDARD_LIBRARY, lambda design: design.base.not_in_standard_library)
def test_every_module_of_the_standard_library_imports(told: Mapping[str, Any]) -> None:
    assert told["imported"] > 200
    assert told["failed"] == {}
