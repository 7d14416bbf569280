from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from image_harness.errors import HarnessError
from image_harness.report.json import SCHEMA_FILE, json_schema, load_report, render_json
from image_harness.report.model import BaseUse, RunReport

from .generate import check, good_report, hostile_report, report, requirement, small_report, whole_report

# A report with the fields that every reader may count on, and no others.
LEAST = {
    "schema": 1,
    "image": {
        "reference": "oci:build/image",
        "manifest_digest": "sha256:" + "a" * 64,
        "config_digest": "sha256:" + "b" * 64,
        "platform": "linux/arm64",
    },
    "design": {"name": "rdp-monitor", "sha256": "c" * 64},
    "run": {
        "engine": "Docker 29.1.3",
        "emulated": True,
        "started": "2026-03-04T05:06:07Z",
        "seconds": 12.5,
        "harness": "0.1.0",
    },
    "requirements": [
        {
            "id": "user.config",
            "section": "Security Practices",
            "title": "Non-root user",
            "evidence": "image",
            "origin": "report",
            "status": "met",
            "checks": [{"nodeid": "test_a.py::test_b", "outcome": "passed", "seconds": 0.25, "message": ""}],
        }
    ],
    "sections": [{"name": "Security Practices", "met": 1, "not_met": 0, "unproven": 0, "compliance": 1.0}],
    "verdict": "met",
}


def layer(size: int) -> dict[str, Any]:
    return {"digest": "sha256:" + "d" * 64, "size": 1, "uncompressed_size": size, "created_by": ""}


def retried(name: str, times: int) -> dict[str, Any]:
    return {"nodeid": name, "outcome": "passed", "seconds": 0, "message": "", "retries": times}


def shipped_schema() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(SCHEMA_FILE.read_text())
    return schema


def written(report: RunReport) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(render_json(report))
    return document


def saved(document: object, path: Path) -> Path:
    path.write_text(json.dumps(document))
    return path


def test_the_shipped_schema_is_the_one_that_reports_are_written_by() -> None:
    assert shipped_schema() == json_schema(), (
        "write image_harness/report/report.schema.json anew: python -c 'import json; from image_harness.report.json "
        "import json_schema; print(json.dumps(json_schema(), indent=2))'"
    )


def test_the_shipped_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(shipped_schema())


@pytest.mark.parametrize("make", [whole_report, good_report, hostile_report, report])
def test_a_written_report_conforms_to_the_schema(make: Callable[[], RunReport]) -> None:
    jsonschema.validate(written(make()), shipped_schema())


def test_the_fields_of_the_contract_are_enough() -> None:
    jsonschema.validate(LEAST, shipped_schema())


@pytest.mark.parametrize("field", ["schema", "image", "design", "run", "requirements", "sections", "verdict"])
def test_the_schema_refuses_a_report_without_a_field_of_the_contract(field: str) -> None:
    document = {key: value for key, value in LEAST.items() if key != field}
    with pytest.raises(jsonschema.ValidationError, match=field):
        jsonschema.validate(document, shipped_schema())


def test_says_what_the_contract_says() -> None:
    document = written(whole_report())
    assert document["schema"] == 1
    assert document["image"]["platform"] == "linux/arm64"
    assert document["run"]["seconds"] == 37.25
    assert document["run"]["started"] == "2026-03-04T05:06:07Z"
    assert document["verdict"] == "not-met"
    assert {requirement["status"] for requirement in document["requirements"]} == {
        "met",
        "not-met",
        "unproven",
        "not-selected",
    }
    first = document["sections"][0]
    assert (first["name"], first["met"], first["compliance"]) == ("Architecture Foundation", 8, 1.0)


def test_a_section_that_nothing_was_selected_of_has_no_compliance() -> None:
    assert written(report(requirement(selected=False)))["sections"][0]["compliance"] is None


@pytest.mark.parametrize("make", [whole_report, good_report, report, small_report])
def test_what_is_read_back_is_what_was_written(make: Callable[[], RunReport], tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(render_json(make()))
    assert load_report(path) == make()


def test_why_there_is_no_manifest_digest_is_read_back(tmp_path: Path) -> None:
    made = good_report()
    made = replace(made, image=replace(made.image, manifest_digest=None, manifest_absence="docker save writes none"))
    path = tmp_path / "report.json"
    path.write_text(render_json(made))
    assert load_report(path) == made


def test_what_is_no_unicode_is_written_readably(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(render_json(report(requirement("made.up", check("a", message="/app/\udcff")))))
    assert load_report(path).requirements[0].checks[0].message == r"/app/\udcff"


def test_reads_a_report_that_has_the_fields_of_the_contract_alone(tmp_path: Path) -> None:
    loaded = load_report(saved(LEAST, tmp_path / "report.json"))
    assert loaded.requirements[0].facts.id == "user.config"
    assert loaded.run.bases.use is BaseUse.UNKNOWN


def test_ignores_fields_that_a_later_harness_has_added(tmp_path: Path) -> None:
    document = {**LEAST, "mood": "good", "run": {**LEAST["run"], "weather": "fair"}}  # type: ignore[dict-item]
    assert load_report(saved(document, tmp_path / "report.json")).overall.met == 1


@pytest.mark.parametrize("version", [0, 2, 99])
def test_refuses_a_schema_version_that_it_does_not_know(version: int, tmp_path: Path) -> None:
    path = saved({**LEAST, "schema": version}, tmp_path / "report.json")
    with pytest.raises(HarnessError, match=f"schema {version} is unknown") as caught:
        load_report(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert str(caught.value).endswith("; read it with the version of image-harness that wrote it")


def test_a_missing_file_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="No such file") as caught:
        load_report(tmp_path / "nowhere.json")
    path = tmp_path / "nowhere.json"
    assert str(caught.value) == f"{path}: cannot read the report: No such file or directory"


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b'{"schema": "1"}', b'{"schema": 1}', b"[" * 200_000],
    ids=["empty", "cut", "list", "null", "text", "no-unicode", "version-as-text", "bare", "deep"],
)
def test_what_is_no_report_is_told_in_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(content)
    with pytest.raises(HarnessError) as caught:
        load_report(path)
    assert str(caught.value).startswith(f"{path}: not a report")
    assert "\n" not in str(caught.value)


def test_the_place_of_what_is_wrong_is_told(tmp_path: Path) -> None:
    path = saved(altered(("requirements", 0, "checks", 0, "seconds"), "long"), tmp_path / "report.json")
    with pytest.raises(HarnessError) as caught:
        load_report(path)
    assert str(caught.value) == (
        f"{path}: not a report: requirements.0.checks.0.seconds: Input should be a valid number"
    )


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("image", "manifest_digest"), "sha256:short"),
        (("image", "platform"), "arm64"),
        (("run", "seconds"), -1),
        (("run", "seconds"), 1e300),
        (("run", "started"), "2026-03-04T05:06:07"),
        (("run", "started"), "0001-01-01T00:00:00+14:00"),
        (("run", "started"), "9999-12-31T23:00:00-14:00"),
        (("image", "packages"), 10**20),
        (("image", "layers"), [layer(10**20)]),
        (("image", "layers"), [layer(2**63 - 1)] * 2),
        (("requirements", 0, "checks", 0, "retries"), 10**20),
        (("requirements", 0, "checks"), [retried("a", 2**63 - 1), retried("b", 1)]),
        (("requirements", 0, "status"), "excellent"),
        (("requirements", 0, "checks", 0, "outcome"), "fine"),
        (("sections", 0, "compliance"), 2),
        (("sections", 0, "met"), "1"),
        (("verdict",), "not-selected"),
    ],
)
def test_a_value_that_cannot_be_is_refused(place: tuple[str | int, ...], value: object, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"report\.json: not a (report|platform)"):
        load_report(saved(altered(place, value), tmp_path / "report.json"))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("requirements", 0, "checks", 0, "outcome"), "failed"),
        (("requirements", 0, "checks", 0, "retries"), 1),
        (("requirements", 0, "checks"), []),
        (("requirements", 0, "deselected"), 1),
        (("requirements", 0, "status"), "not-met"),
        (("sections", 0, "met"), 2),
        (("sections", 0, "compliance"), 0.5),
        (("sections",), []),
        (("verdict",), "unproven"),
    ],
)
def test_a_report_that_contradicts_itself_is_refused(
    place: tuple[str | int, ...], value: object, tmp_path: Path
) -> None:
    path = saved(altered(place, value), tmp_path / "report.json")
    with pytest.raises(HarnessError) as caught:
        load_report(path)
    assert str(caught.value).startswith(f"{path}: the report contradicts itself: ")


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        (("requirements", 0, "status"), "not-met", "'user.config' is not-met by its status and met by its checks"),
        (("sections",), [], "sections and requirements differ"),
        (("verdict",), "unproven", "the verdict is unproven, the requirements say met"),
    ],
)
def test_a_contradiction_is_told(place: tuple[str | int, ...], value: object, told: str, tmp_path: Path) -> None:
    path = saved(altered(place, value), tmp_path / "report.json")
    with pytest.raises(HarnessError) as caught:
        load_report(path)
    assert str(caught.value) == f"{path}: the report contradicts itself: {told}"


def test_results_of_what_was_not_selected_are_refused(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="not selected"):
        load_report(saved(altered(("requirements", 0, "status"), "not-selected"), tmp_path / "report.json"))


def altered(place: tuple[str | int, ...], value: object) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(json.dumps(LEAST))
    *path, last = place
    found: Any = document
    for key in path:
        found = found[key]
    found[last] = value
    return document
