from __future__ import annotations

from pathlib import Path

import pytest

from monitor_build.apt import Source, configured_sources, parse_deb822, parse_one_line, sources_of_suite
from monitor_build.errors import BuildError

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def test_one_line_source_is_read_with_its_options() -> None:
    text = f"deb [arch=amd64 signed-by={KEYRING} trusted=yes] http://mirror.test/debian bookworm main contrib # mine\n"

    (source,) = parse_one_line(text)

    assert source == Source(
        ("http://mirror.test/debian",), ("bookworm",), ("main", "contrib"), {"Signed-By": KEYRING, "Trusted": "yes"}
    )


def test_source_packages_and_comments_are_passed_over() -> None:
    text = "# deb http://mirror.test/debian bookworm main\ndeb-src http://mirror.test/debian bookworm main\n"

    assert list(parse_one_line(text)) == []


def test_deb822_stanzas_are_read_and_the_machines_own_architecture_is_not_taken_over() -> None:
    text = (
        "# the archive\nTypes: deb deb-src\nURIs: http://mirror.test/debian\nSuites: bookworm bookworm-updates\n"
        f"Components: main\nArchitectures: amd64\nSigned-By: {KEYRING}\n"
        "\nTypes: deb-src\nURIs: http://mirror.test/debian\nSuites: bookworm\nComponents: main\n"
        "\nEnabled: no\nTypes: deb\nURIs: http://other.test/debian\nSuites: bookworm\nComponents: main\n"
    )

    (source,) = parse_deb822(text)

    assert source.uris == ("http://mirror.test/debian",)
    assert source.suites == ("bookworm", "bookworm-updates")
    assert source.options == {"Signed-By": KEYRING}


def test_key_that_is_written_into_a_stanza_survives_the_way_back() -> None:
    key = "\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mDMEZ\n -----END PGP PUBLIC KEY BLOCK-----"
    text = f"Types: deb\nURIs: http://mirror.test/debian\nSuites: bookworm\nComponents: main\nSigned-By:{key}\n"

    (source,) = parse_deb822(text)

    assert list(parse_deb822(str(source))) == [source]
    assert " .\n mDMEZ" in str(source)


def test_directory_is_read_in_apts_order_and_other_files_are_not(tmp_path: Path) -> None:
    parts = tmp_path / "sources.list.d"
    parts.mkdir()
    (tmp_path / "sources.list").write_text("deb http://first.test/debian bookworm main\n")
    (parts / "b.list").write_text("deb http://third.test/debian bookworm main\n")
    (parts / "a.sources").write_text("Types: deb\nURIs: http://second.test/\nSuites: bookworm\nComponents: main\n")
    (parts / "c.list.save").write_text("deb http://never.test/debian bookworm main\n")

    uris = [source.uris[0] for source in configured_sources(tmp_path)]

    assert uris == ["http://first.test/debian", "http://second.test/", "http://third.test/debian"]


def test_only_the_release_its_updates_and_its_security_updates_are_taken() -> None:
    sources = [
        Source(("http://mirror.test/debian",), ("bookworm", "bookworm-backports"), ("main", "non-free")),
        Source(("http://mirror.test/security",), ("bookworm-security",), ("main",)),
        Source(("http://vendor.test/linux",), ("bookworm",), ("stable",)),
        Source(("http://mirror.test/debian",), ("trixie",), ("main",)),
    ]

    chosen = sources_of_suite(sources, "bookworm")

    assert [(source.uris[0], source.suites, source.components) for source in chosen] == [
        ("http://mirror.test/debian", ("bookworm",), ("main",)),
        ("http://mirror.test/security", ("bookworm-security",), ("main",)),
    ]


def test_machine_of_another_debian_release_asks_its_archives_for_the_wanted_one() -> None:
    sources = [
        Source(("http://mirror.test/debian",), ("trixie", "trixie-updates"), ("main",), {"Signed-By": KEYRING}),
        Source(("http://mirror.test/security",), ("trixie-security",), ("main",), {"Signed-By": KEYRING}),
        Source(("http://vendor.test/x",), ("any",), ("main",), {"Signed-By": "/etc/apt/keyrings/vendor.gpg"}),
    ]

    chosen = sources_of_suite(sources, "bookworm")

    assert [source.suites for source in chosen] == [("bookworm", "bookworm-updates"), ("bookworm-security",)]


def test_machine_without_a_debian_archive_is_told_so_in_one_line() -> None:
    with pytest.raises(BuildError, match="no Debian archive to take packages of bookworm from; add a source") as told:
        sources_of_suite([Source(("http://vendor.test/x",), ("jammy/stable",), ("main",))], "bookworm")

    assert "\n" not in str(told.value)
