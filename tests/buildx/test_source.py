from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor_build.errors import BuildError
from monitor_build.source import IMAGE_PARTS, BuildArguments, Source, inputs_hash

COMMIT_TIME = "2026-03-04T05:06:07+00:00"


@pytest.fixture
def checkout(tmp_path: Path) -> Source:
    for part in IMAGE_PARTS:
        path = tmp_path / part
        if path.suffix or part.startswith("Dockerfile"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("ARG VERSION=2.3.4\n")
        else:
            path.mkdir(parents=True)
            (path / "module.py").write_text(f"# {part}\n")
    return Source(tmp_path)


def git(checkout: Source, *arguments: str) -> str:
    environment = {
        "GIT_AUTHOR_DATE": COMMIT_TIME,
        "GIT_COMMITTER_DATE": COMMIT_TIME,
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "PATH": "/usr/bin:/bin",
    }
    command = ["git", "-c", "user.name=x", "-c", "user.email=x@example.test", *arguments]
    return subprocess.run(
        command, cwd=checkout.root, env=environment, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def committed(checkout: Source) -> Source:
    git(checkout, "init", "--quiet")
    git(checkout, "add", ".")
    git(checkout, "commit", "--quiet", "--message", "first")
    return checkout


def test_version_is_the_dockerfiles(checkout: Source) -> None:
    assert checkout.default_version() == "2.3.4"


def test_dockerfile_without_a_version_is_told(checkout: Source) -> None:
    (checkout.root / "Dockerfile.monitor").write_text("FROM scratch\n")

    with pytest.raises(BuildError, match=r"Dockerfile\.monitor: no line ARG VERSION="):
        checkout.default_version()


def test_dockerfile_that_is_not_utf8_is_told(checkout: Source) -> None:
    (checkout.root / "Dockerfile.monitor").write_bytes(b"ARG VERSION=1\n# \xe9\n")

    with pytest.raises(BuildError, match=r"Dockerfile\.monitor: not UTF-8: invalid continuation byte at byte 16"):
        checkout.default_version()


def test_revision_and_date_are_the_commits(committed: Source) -> None:
    assert committed.revision() == git(committed, "rev-parse", "HEAD")
    assert committed.date({}) == datetime.fromisoformat(COMMIT_TIME)


def test_change_of_a_part_makes_the_source_dirty_and_leaves_the_revision(committed: Source) -> None:
    before = committed.revision()
    assert not committed.is_dirty()

    (committed.root / "monitor_service" / "common" / "new.py").write_text("1\n")

    assert committed.is_dirty()
    assert committed.revision() == before


def test_change_elsewhere_does_not_make_the_source_dirty(committed: Source) -> None:
    (committed.root / "README.md").write_text("words\n")

    assert not committed.is_dirty()


def test_folder_without_a_commit_has_no_revision_and_the_date_of_its_newest_file(checkout: Source) -> None:
    git(checkout, "init", "--quiet")
    newest = max(int(file.stat().st_mtime) for file in checkout.files())

    assert checkout.revision() == "unknown"
    assert checkout.date({}) == datetime.fromtimestamp(newest, UTC)


def test_source_date_epoch_is_over_the_commit(committed: Source) -> None:
    assert committed.date({"SOURCE_DATE_EPOCH": "86400"}) == datetime(1970, 1, 2, tzinfo=UTC)


def test_source_date_epoch_that_is_no_number_is_told(checkout: Source) -> None:
    with pytest.raises(BuildError, match="SOURCE_DATE_EPOCH: 'soon' is not a number of seconds since 1970; unset it"):
        checkout.date({"SOURCE_DATE_EPOCH": "soon"})


def test_every_part_counts_and_by_products_do_not(checkout: Source) -> None:
    before = checkout.fingerprints()
    cache = checkout.root / "monitor_service" / "common" / "__pycache__"
    cache.mkdir()
    (cache / "module.cpython-311.pyc").write_bytes(b"x")

    assert checkout.fingerprints() == before
    for name in before:
        file = checkout.root / name
        text = file.read_text()
        file.write_text(text + "#")
        assert checkout.fingerprints() != before, name
        file.write_text(text)


def test_hash_changes_with_a_file_and_with_an_argument() -> None:
    arguments = BuildArguments("1.0.0", "abc", datetime(2026, 1, 1, tzinfo=UTC)).as_mapping()
    hashes = {
        inputs_hash({"a": "1"}, arguments),
        inputs_hash({"a": "2"}, arguments),
        inputs_hash({"b": "1"}, arguments),
        inputs_hash({"a": "1"}, {**arguments, "VERSION": "1.0.1"}),
    }

    assert arguments["BUILD_DATE"] == "2026-01-01T00:00:00Z"
    assert len(hashes) == 4


def test_build_sees_no_other_part_of_the_application_than_what_is_counted(repository: Path) -> None:
    lines = (repository / "Dockerfile.monitor.dockerignore").read_text().splitlines()
    let_through = {line.removeprefix("!") for line in lines if line.startswith("!")}

    assert let_through == {part for part in IMAGE_PARTS if part.startswith("monitor_service")}
    assert "*" in lines
