from __future__ import annotations

from pathlib import Path

import pytest

from monitor_build.errors import BuildError
from monitor_build.outputs import Output, replacing


@pytest.mark.parametrize("text", ["engine", "oci-archive:out/image.tar"])
def test_output_is_told_as_it_was_given(text: str) -> None:
    assert str(Output.parse(text)) == text


@pytest.mark.parametrize("text", ["", "oci-archive", "oci-archive:", "engine:x", "docker:x"])
def test_other_outputs_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is neither 'engine' nor 'oci-archive:FILE'"):
        Output.parse(text)


def test_file_is_replaced_when_the_block_ends_well(tmp_path: Path) -> None:
    file = tmp_path / "image.tar"
    file.write_text("old")

    with replacing(file) as aside:
        aside.write_text("new")
        assert file.read_text() == "old"

    assert file.read_text() == "new"
    assert list(tmp_path.iterdir()) == [file]


def test_file_stays_when_the_block_fails(tmp_path: Path) -> None:
    file = tmp_path / "image.tar"
    file.write_text("old")

    def fail() -> None:
        with replacing(file) as aside:
            aside.write_text("half")
            raise BuildError("failed")

    with pytest.raises(BuildError):
        fail()

    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with (
        pytest.raises(BuildError, match=r"image\.tar: its folder is not there or cannot be written to"),
        replacing(tmp_path / "absent" / "image.tar"),
    ):
        pass
