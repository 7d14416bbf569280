from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from monitor_build.errors import BuildError
from monitor_build.generation import GENERATIONS, SUCCESSOR, TODAY, filled_in, write_dockerfile

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "Dockerfile.monitor"


def test_todays_dockerfile_is_the_repositorys_own_file(tmp_path: Path) -> None:
    assert write_dockerfile(DOCKERFILE, TODAY, tmp_path) == DOCKERFILE
    assert filled_in(DOCKERFILE.read_text(), TODAY) == DOCKERFILE.read_text()
    assert list(tmp_path.iterdir()) == []


def test_the_successors_dockerfile_differs_in_bases_and_python_alone(tmp_path: Path) -> None:
    written = write_dockerfile(DOCKERFILE, SUCCESSOR, tmp_path).read_text()

    assert not re.search(r"3\.11|bookworm|debian12", written)
    back = written.replace("3.13", "3.11").replace("trixie", "bookworm").replace("debian13", "debian12")
    assert back == DOCKERFILE.read_text()


def test_what_stays_out_of_the_context_stays_out_for_every_generation(tmp_path: Path) -> None:
    file = write_dockerfile(DOCKERFILE, SUCCESSOR, tmp_path)

    assert (
        file.with_name(f"{file.name}.dockerignore").read_text()
        == (ROOT / "Dockerfile.monitor.dockerignore").read_text()
    )


@pytest.mark.parametrize("words", [TODAY.builder, TODAY.runtime, "PYTHON_VERSION=3.11"])
def test_a_dockerfile_that_does_not_name_what_is_replaced_is_refused(words: str) -> None:
    with pytest.raises(BuildError, match=re.escape(words)):
        filled_in(DOCKERFILE.read_text().replace(words, "something else"), SUCCESSOR)


@pytest.mark.parametrize("name", GENERATIONS)
def test_each_generation_has_recipes_for_its_bases(name: str) -> None:
    generation = GENERATIONS[name]
    for recipe, stands_in_for in (
        (f"python-{generation.python}-slim-{generation.suite}", generation.builder),
        (f"distroless-python3-{generation.name}", generation.runtime),
    ):
        data = tomllib.loads((ROOT / "buildx" / "bases" / f"{recipe}.toml").read_text())
        assert (data["stands_in_for"], data["suite"]) == (stands_in_for, generation.suite)
