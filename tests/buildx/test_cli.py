from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from monitor_build.cli import main
from monitor_build.source import DOCKERFILE

NAME = "name/of:tag"


@pytest.fixture
def checkout(tmp_path: Path, repository: Path) -> Path:
    """A checkout of its own, with a docker client that knows one image."""
    for part in (DOCKERFILE, f"{DOCKERFILE}.dockerignore"):
        shutil.copy(repository / part, tmp_path / part)
    for part in ("buildx", "monitor_service"):
        shutil.copytree(repository / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@pytest.fixture
def image_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The ID that the engine knows the image by; remove the file and the engine is gone."""
    known = tmp_path / "image-id"
    known.write_text("sha256:1")
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "docker"
    program.write_text(f"#!/bin/sh\ncat {known} 2>/dev/null || {{ echo 'Cannot connect' >&2; exit 1; }}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return known


def put_on_record(checkout: Path, capsys: pytest.CaptureFixture[str], **image: str) -> None:
    main(["--print-inputs-hash", "--tag", NAME, "--vcs-ref", "abc"], checkout)
    sha256 = capsys.readouterr().out.strip()
    from monitor_build.source import Source, rfc3339  # noqa: PLC0415 - the same source as the command's

    source = Source(checkout)
    document: dict[str, Any] = {
        "schema": 1,
        "image": {"reference": NAME, "id": "sha256:1"} | image,
        "bases": {"kind": "stand-in"},
        "inputs": {"sha256": sha256, "files": source.fingerprints()},
        "arguments": {"VERSION": source.default_version(), "VCS_REF": "abc", "BUILD_DATE": rfc3339(source.date({}))},
    }
    (checkout / ".build").mkdir()
    (checkout / ".build" / "record.json").write_text(json.dumps(document))


def is_stale(checkout: Path) -> int:
    return main(["--is-stale", "--tag", NAME, "--vcs-ref", "abc"], checkout)


def test_image_on_record_and_in_the_engine_needs_no_build(
    checkout: Path, image_id: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    put_on_record(checkout, capsys)

    assert is_stale(checkout) == 1
    assert capsys.readouterr().out == f"up to date: {NAME}\n"
    assert image_id.exists()


def test_changed_file_needs_a_build_and_is_named(
    checkout: Path, image_id: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put_on_record(checkout, capsys)
    (checkout / "monitor_service" / "common" / "__init__.py").write_text("# changed\n")

    assert is_stale(checkout) == 0
    assert "changed: monitor_service/common/__init__.py" in capsys.readouterr().out
    assert image_id.exists()


def test_question_that_the_engine_cannot_answer_is_an_error(
    checkout: Path, image_id: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    put_on_record(checkout, capsys)
    image_id.unlink()

    assert is_stale(checkout) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("build: ")
    assert told.err.endswith("; run ./qemu-setup.sh\n")
    assert told.err.count("\n") == 1


@pytest.mark.parametrize("text", ["{", "[]", '{"schema": 1}', None])
def test_unreadable_record_only_means_a_build(
    text: str | None, checkout: Path, image_id: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if text is None:
        put_on_record(checkout, capsys)
        record = json.loads((checkout / ".build" / "record.json").read_text())
        text = json.dumps(record | {"inputs": record["inputs"] | {"files": []}})
    (checkout / ".build").mkdir(exist_ok=True)
    (checkout / ".build" / "record.json").write_text(text)

    assert is_stale(checkout) == 0
    assert image_id.exists()


def test_machine_without_a_client_is_told_in_one_line(
    checkout: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(checkout))

    assert main(["--tag", NAME], checkout) == 2
    assert capsys.readouterr().err == "build: no docker client on PATH; run ./qemu-setup.sh\n"


def test_missing_dockerfile_is_told_in_one_line(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (checkout / DOCKERFILE).unlink()

    assert main(["--tag", NAME], checkout) == 2
    assert capsys.readouterr().err == f"build: {DOCKERFILE}: cannot read it (No such file or directory)\n"


@pytest.mark.parametrize(
    ("option", "value", "problem"),
    [
        ("--output", "docker:x", "is neither 'engine' nor 'oci-archive:FILE'"),
        ("--tag", "No Name", "is not a name with a tag"),
        ("--tag", "name", "is not a name with a tag"),
        ("--build-date", "soon", "is not a moment such as 2026-01-31T12:00:00Z"),
        ("--bases", "other", "'other' is not one of auto, upstream, stand-in"),
    ],
)
def test_wrong_value_is_told(
    checkout: Path, capsys: pytest.CaptureFixture[str], option: str, value: str, problem: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([option, value], checkout)

    assert ended.value.code == 2
    assert problem in capsys.readouterr().err


def test_deciding_takes_less_than_half_a_second(checkout: Path, image_id: Path) -> None:
    """Of processor time, so that whatever else the machine does cannot fail it."""
    command = [sys.executable, str(checkout / "buildx" / "build.py"), "--is-stale"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)

    subprocess.run(command, check=True, capture_output=True, env={"PATH": f"{checkout}/bin:/usr/bin:/bin"})

    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert image_id.exists()
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.5
