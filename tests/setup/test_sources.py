"""How the next release's apt source is derived from the machine's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Call = Callable[..., str]

STANZA = """\
# Made by the installer.
Types: deb deb-src
URIs: http://mirror.invalid/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.invalid/debian-security
Suites: bookworm-security
Components: main
"""


@pytest.fixture
def derive(call: Call, tmp_path: Path) -> Callable[[str, str], list[str]]:
    """Derive the source from a file with this name and text; give its lines."""

    def deriver(name: str, text: str) -> list[str]:
        file = tmp_path / name
        file.write_text(text)
        return call("derive_source", str(file), "bookworm", "trixie").splitlines()

    return deriver


Derive = Callable[[str, str], list[str]]


def test_a_deb822_source_keeps_its_mirror_and_its_key(derive: Derive) -> None:
    assert sorted(derive("debian.sources", STANZA)) == [
        "Components: main",
        "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg",
        "Suites: trixie",
        "Types: deb",
        "URIs: http://mirror.invalid/debian",
    ]


def test_a_key_inside_the_file_is_kept_line_by_line(derive: Derive) -> None:
    key = "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINBF\n -----END PGP PUBLIC KEY BLOCK-----"
    text = STANZA.replace("Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg", key)
    assert "\n".join(derive("debian.sources", text)).endswith(key)


def test_suites_and_components_may_go_on_in_the_next_line(derive: Derive) -> None:
    text = "types: deb\nuris: http://mirror.invalid/debian\nsuites:\n bookworm-updates\n bookworm\ncomponents:\n main\n"
    assert derive("debian.sources", text) == [
        "Types: deb",
        "Suites: trixie",
        "Components: main",
        "uris: http://mirror.invalid/debian",
    ]


def test_other_options_are_kept(derive: Derive) -> None:
    text = STANZA.replace("Components: main contrib", "Components: main\nArchitectures: amd64\nCheck-Valid-Until: no")
    assert {"Architectures: amd64", "Check-Valid-Until: no"} <= set(derive("debian.sources", text))


@pytest.mark.parametrize("off", ["Enabled: no", "enabled: false"])
def test_a_source_that_is_switched_off_is_passed_over(derive: Derive, off: str) -> None:
    assert derive("debian.sources", STANZA.replace("Types: deb deb-src", f"Types: deb\n{off}")) == []


def test_a_source_of_source_packages_is_passed_over(derive: Derive) -> None:
    assert derive("debian.sources", STANZA.replace("Types: deb deb-src", "Types: deb-src")) == []


def test_a_list_source_keeps_its_options(derive: Derive) -> None:
    text = "deb [arch=amd64 signed-by=/k.gpg] http://m.invalid/debian bookworm contrib main # ours\n"
    assert derive("sources.list", text) == ["deb [arch=amd64 signed-by=/k.gpg] http://m.invalid/debian trixie main"]


def test_of_several_lists_the_one_with_the_main_part_of_the_release_counts(derive: Derive) -> None:
    text = (
        "# deb http://old.invalid/debian bookworm main\n"
        "deb-src http://mirror.invalid/debian bookworm main\n"
        "deb http://mirror.invalid/debian-security bookworm-security main\n"
        "deb http://firmware.invalid/debian bookworm non-free\n"
        "deb mirror+file:/etc/apt/mirrors/debian.list bookworm main\n"
        "deb http://second.invalid/debian bookworm main\n"
    )
    assert derive("sources.list", text) == ["deb mirror+file:/etc/apt/mirrors/debian.list trixie main"]


def test_a_file_without_the_release_gives_nothing(derive: Derive) -> None:
    assert derive("sources.list", "deb http://mirror.invalid/debian bullseye main\n") == []
    assert derive("debian.sources", STANZA.replace("bookworm", "bullseye")) == []
