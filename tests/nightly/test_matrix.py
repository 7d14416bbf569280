from __future__ import annotations

from pathlib import Path

import pytest

from image_harness.errors import HarnessError
from image_harness.nightly.matrix import Emulator, Matrix, load_matrix

ROOT = Path(__file__).parents[2]
SMALL = """
engines: {docker: {}, podman: {}}
emulations: {distribution: {runner: amd64}, native: {runner: arm64}}
bases: {pinned: {needs: pins, options: [--bases, upstream]}, latest: {needs: registry}}
services:
  one:
    build: [build.py]
    images:
      pinned: &image {reference: "one:tag", design: one.yaml, dockerfile: Dockerfile}
      latest: *image
  two:
    build: [build.py]
    images: {latest: *image}
without: [{cells: "*.podman.native.*", because: nobody has that}]
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "nightly.yaml"
    path.write_text(text, "utf-8")
    return path


@pytest.fixture
def small(tmp_path: Path) -> Matrix:
    return load_matrix(written(tmp_path, SMALL))


def test_cells_are_every_combination_but_those_left_out(small: Matrix) -> None:
    names = [cell.name for cell in small.cells]

    assert len(names) == len(set(names)) == 9
    assert names[0] == "one.docker.distribution.pinned"
    assert "two.docker.native.latest" in names
    assert not any("podman.native" in name for name in names)


def test_a_service_has_cells_only_for_the_bases_it_has_images_of(small: Matrix) -> None:
    assert {cell.bases for cell in small.cells if cell.service == "two"} == {"latest"}


def test_a_cell_asks_for_the_runner_of_its_emulation(small: Matrix) -> None:
    assert {(cell.emulation, cell.runner) for cell in small.cells} == {
        (Emulator.DISTRIBUTION, "amd64"),
        (Emulator.NATIVE, "arm64"),
    }


def test_cells_are_chosen_by_patterns(small: Matrix) -> None:
    chosen = small.chosen(("two.*.distribution.*", "one.docker.native.pinned"))

    assert [cell.name for cell in chosen] == [
        "one.docker.native.pinned",
        "two.docker.distribution.latest",
        "two.podman.distribution.latest",
    ]
    assert small.chosen(()) == small.cells


def test_a_pattern_that_fits_nothing_is_a_users_mistake(small: Matrix) -> None:
    with pytest.raises(HarnessError, match="no such cell"):
        small.chosen(("three.*",))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("needs: pins", "needs: luck", "bases.pinned.needs"),
        ("latest: *image}", "newest: *image}", "nightly.yaml: services.two.images: no such bases: newest"),
        ("engines: {docker: {}", "engines: {Docker Desktop: {}", "engines"),
        ("without:", "but:", "but: Extra inputs"),
        ("engines:", "engines: [", "not YAML"),
        ("without:", "engines: {}\nwithout:", "the key 'engines' stands here a second time"),
    ],
)
def test_what_is_wrong_in_the_file_is_named(tmp_path: Path, old: str, new: str, words: str) -> None:
    with pytest.raises(HarnessError) as caught:
        load_matrix(written(tmp_path, SMALL.replace(old, new)))

    assert words in str(caught.value)
    assert "nightly.yaml" in str(caught.value)


def test_the_projects_own_matrix_covers_what_is_asked_of_it() -> None:
    matrix = load_matrix(ROOT / "nightly.yaml")
    cells = matrix.cells

    assert {cell.engine for cell in cells} == {"docker", "podman"}
    assert {cell.emulation for cell in cells} == set(Emulator)
    assert {cell.bases for cell in cells} >= {"pinned", "latest", "successor"}
    for service in matrix.services.values():
        assert all((ROOT / image.design).is_file() for image in service.images.values())
        assert (ROOT / service.build[0]).is_file()
    for without in matrix.without:
        assert any(cell not in cells for cell in matrix._combinations() if without.cells), without
