"""The workflows: pinned, with the least permissions, and made of what runs locally too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
NAMES = [path.stem for path in FILES]
# What sets a machine of the workflows up; everything else is a tox environment.
SETTING_UP = re.compile(r"(sudo )?apt-get |sudo (systemctl|chmod) |echo |python3 -m venv |\{$|\} >>")


def workflow(path: Path) -> dict[Any, Any]:
    document: dict[Any, Any] = yaml.safe_load(path.read_text("utf-8"))
    return document


def steps(path: Path) -> Iterator[dict[str, Any]]:
    for job in workflow(path)["jobs"].values():
        yield from job["steps"]


def test_there_are_the_three() -> None:
    assert NAMES == ["ci", "nightly", "release"]


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_actions_are_pinned_by_commit_and_say_which_version_that_is(path: Path) -> None:
    for line in path.read_text("utf-8").splitlines():
        if "uses:" in line:
            assert re.search(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


def test_the_same_action_is_the_same_commit_everywhere() -> None:
    found = {step["uses"] for path in FILES for step in steps(path) if "uses" in step}
    actions = [re.sub(r"/(restore|save)@.*|@.*", "", one) for one in found]

    assert len(found) == len(set(actions)) + 1, "actions/cache is used by two of its parts"


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_nothing_is_permitted_but_what_a_job_asks_for(path: Path) -> None:
    document = workflow(path)

    assert document["permissions"] == {}
    for job in document["jobs"].values():
        assert "contents" in job["permissions"]
        writes = {scope for scope, access in job["permissions"].items() if access == "write"}
        assert writes <= ({"packages", "id-token"} if path.stem == "release" else set())
        assert job["timeout-minutes"] <= 90


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_a_checkout_keeps_no_credentials(path: Path) -> None:
    for step in steps(path):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_no_expression_is_pasted_into_a_command(path: Path) -> None:
    assert [step["run"] for step in steps(path) if "${{" in step.get("run", "")] == []


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_what_a_job_does_are_tox_environments(path: Path) -> None:
    environments = set(re.findall(r"^\[testenv:([\w-]+)\]", (ROOT / "tox.ini").read_text(), re.MULTILINE)) | {"py"}
    called = 0
    for step in steps(path):
        for line in step.get("run", "").splitlines():
            found = re.search(r"tox run (?:-qq )?-e ([\w-]+)", line)
            if found:
                called += 1
                assert found[1] in environments
            else:
                assert SETTING_UP.match(line.strip()), line
    assert called
