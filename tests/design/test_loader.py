from __future__ import annotations

import hashlib
from itertools import pairwise
from pathlib import Path

import pytest

from image_harness.design import Design, load_design
from image_harness.errors import HarnessError
from image_harness.types import Evidence, Origin

DESIGNS = Path(__file__).parents[2] / "designs"
MONITOR = DESIGNS / "rdp-monitor.yaml"


@pytest.fixture(scope="module")
def design() -> Design:
    return load_design(MONITOR)


def changed(tmp_path: Path, old: str, new: str, *, file: str = "rdp-monitor.yaml") -> Path:
    """A copy of the designs in which one text is another."""
    for source in DESIGNS.glob("*.yaml"):
        text = source.read_text()
        if source.name == file:
            assert text.count(old) >= 1
            text = text.replace(old, new, 1)
        (tmp_path / source.name).write_text(text)
    return tmp_path / MONITOR.name


def line_of(text: str, folder: Path) -> str:
    """File and line of the only place in a folder where a text stands."""
    places = [
        f"{path}:{number}"
        for path in folder.glob("*.yaml")
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if text in line
    ]
    assert len(places) == 1, places
    return places[0]


def refusal(path: Path) -> str:
    with pytest.raises(HarnessError) as raised:
        load_design(path)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_placeholders_are_filled_in_from_the_service(design: Design) -> None:
    assert [str(port) for port in design.image.exposed_ports] == ["8093/tcp"]
    assert design.markers[0].text == "LUCID_RDP_MONITOR_RUNTIME_DIRECTORY"


def test_the_services_file_lies_over_the_familys(design: Design) -> None:
    assert design.image.env["LANG"] == "C.UTF-8"
    assert design.image.env["RDP_MONITOR_PORT"] == "8093"


def test_the_catalogue_has_well_over_120_requirements_of_every_kind(design: Design) -> None:
    assert len(design.catalogue) > 300
    assert {requirement.evidence for requirement in design.catalogue} == set(Evidence)
    assert {requirement.origin for requirement in design.catalogue} == set(Origin)


def test_every_section_has_a_requirement(design: Design) -> None:
    assert {section.id for section in design.sections} == {requirement.section for requirement in design.catalogue}


def test_no_placeholder_is_left_in_what_a_reader_sees(design: Design) -> None:
    shown = [requirement.id + requirement.title + requirement.text for requirement in design.catalogue]

    assert [text for text in shown if "{key}" in text or "{value}" in text or "${" in text] == []


def test_the_digest_changes_with_either_file(design: Design, tmp_path: Path) -> None:
    family = load_design(changed(tmp_path, "title: Error Handling", "title: Errors", file="family.yaml"))
    service = load_design(changed(tmp_path, "title: Lucid RDP Monitor", "title: Another"))

    assert len({design.digest, family.digest, service.digest}) == 3


def test_an_unknown_key_names_file_line_and_key(tmp_path: Path) -> None:
    path = changed(tmp_path, "  cluster: application", "  cluster: application\n  clustre: x")

    assert refusal(path) == f"{path}:15: unknown key 'service.clustre'; correct or remove it"


def test_a_wrong_value_names_file_line_and_key(tmp_path: Path) -> None:
    path = changed(tmp_path, "interval: 30s", "interval: often", file="family.yaml")

    line = line_of("interval: often", tmp_path)
    told = "health_check.interval: not a duration; write it as 500ms, 30s, 5m or 1h; correct the value"
    assert refusal(path) == f"{line}: {told}"


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = changed(tmp_path, "name: rdp-monitor", "name: rdp-monitor\nname: other")

    assert refusal(path) == (
        f"{line_of('name: other', tmp_path)}: the key 'name' stands here a second time; remove one of the two"
    )


def test_an_id_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = changed(tmp_path, "id: stages.builder-name", "id: stages.builder-base", file="family.yaml")

    assert refusal(path) == f"{path}: requirements: the id 'stages.builder-base' stands twice; rename one"


def test_an_unknown_section_is_refused(tmp_path: Path) -> None:
    path = changed(
        tmp_path, "{id: user.config, section: security", "{id: user.config, section: safety", file="family.yaml"
    )

    assert refusal(path) == f"{path}: requirement user.config: unknown section 'safety'; add it to sections"


def test_an_unknown_collection_is_refused(tmp_path: Path) -> None:
    path = changed(tmp_path, "for_each: image.labels", "for_each: image.lables", file="family.yaml")

    assert refusal(path) == (
        f"{path}: image.lables: the design has no such collection; use a list or mapping of the design"
    )


def test_members_of_the_same_name_are_refused(tmp_path: Path) -> None:
    path = changed(tmp_path, "- {slug: text, value: http}", "- {slug: zero, value: http}", file="family.yaml")

    assert refusal(path) == f"{path}: runtime.invalid_ports: two members are called 'zero'; rename one"


def test_a_requirement_of_each_member_needs_the_member_in_its_id(tmp_path: Path) -> None:
    path = changed(tmp_path, 'id: "labels.{key}"', 'id: "labels.all"', file="family.yaml")

    assert refusal(path) == f"{path}: requirement labels.all: a requirement for_each item needs {{key}} in its id"


def test_an_unknown_placeholder_is_refused(tmp_path: Path) -> None:
    path = changed(tmp_path, "LUCID_${service.token}", "LUCID_${service.tokn}", file="family.yaml")

    assert refusal(path) == (
        f"{line_of('${service.tokn}', tmp_path)}: the placeholder ${{service.tokn}} names no single value; "
        "name a value of the design"
    )


@pytest.mark.parametrize("name", ["service.title.short", "service", "build.none", "markers"])
def test_a_placeholder_that_names_none_or_several_values_is_refused(tmp_path: Path, name: str) -> None:
    path = changed(tmp_path, "LUCID_${service.token}", f"LUCID_${{{name}}}", file="family.yaml")

    assert f"the placeholder ${{{name}}} names no single value" in refusal(path)


def test_a_placeholder_may_stand_for_a_text_with_another(tmp_path: Path) -> None:
    path = changed(tmp_path, "  cluster: application", "  cluster: ${service.id}-${service.port}")
    path.write_text(path.read_text().replace("title: Lucid RDP Monitor", "title: In ${service.cluster}"))

    assert load_design(path).service.title == "In rdp-monitor-8093"


def test_a_placeholder_in_a_placeholder_that_names_nothing_is_refused_where_it_is_used(tmp_path: Path) -> None:
    path = changed(tmp_path, "  cluster: application", "  cluster: ${service.none}")
    path.write_text(path.read_text().replace("title: Lucid RDP Monitor", "title: In ${service.cluster}"))

    assert refusal(path) == (
        f"{line_of('image.title: {value', tmp_path)}: the placeholder ${{service.none}} names no single value; "
        "name a value of the design"
    )


def test_a_placeholder_that_leads_to_itself_is_refused(tmp_path: Path) -> None:
    path = changed(tmp_path, "  cluster: application", "  cluster: ${service.title}")
    path.write_text(path.read_text().replace("title: Lucid RDP Monitor", "title: In ${service.cluster}"))

    assert "leads to itself; write the value out" in refusal(path)


def test_placeholders_of_placeholders_are_filled_in_once(tmp_path: Path) -> None:
    path = changed(tmp_path, "  cluster: application", "  cluster: ''")
    names = [f"extra_{'i' * number}" for number in range(1, 40)]
    chain = "".join(f"  {new}: ${{service.{old}}}${{service.{old}}}\n" for old, new in pairwise(["cluster", *names]))
    path.write_text(
        path.read_text()
        .replace("service:\n", f"service:\n{chain}")
        .replace("title: Lucid RDP Monitor", f"title: ${{service.{names[-1]}}}")
    )

    assert "unknown key 'service.extra_i" in refusal(path)


def test_placeholders_that_grow_beyond_reason_are_refused(tmp_path: Path) -> None:
    path = changed(tmp_path, "  cluster: application", f"  cluster: {'x' * 101}")
    path.write_text(path.read_text().replace("title: Lucid RDP Monitor", f"title: {'${service.cluster}' * 100}"))

    assert "the placeholder ${service.title} makes more than 10000 characters" in refusal(path)


def test_what_is_not_yaml_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("a: 1\nb: [1\nc: 2\n")

    assert refusal(path).startswith(f"{path}:3: not YAML")


def test_a_design_that_extends_itself_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "self.yaml"
    path.write_text("extends: self.yaml\n")

    assert refusal(path) == f"{path}:1: self.yaml extends itself; remove one of the extends"


def test_a_design_extends_one_file(tmp_path: Path) -> None:
    path = tmp_path / "two.yaml"
    path.write_text("name: two\nextends: [a.yaml, b.yaml]\n")

    assert refusal(path) == f"{path}:2: extends names one file; write it as extends: family.yaml"


def test_a_value_that_is_missing_is_told_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "little.yaml"
    path.write_text("schema: 1\nname: little\n")

    assert refusal(path) == f"{path}: documents: Field required; correct the value"


def test_a_value_that_is_missing_is_told_with_the_line_of_what_lacks_it(tmp_path: Path) -> None:
    path = tmp_path / "little.yaml"
    path.write_text("schema: 1\nname: little\ndocuments: [a]\nservice:\n  id: a\n")

    assert refusal(path) == f"{path}:4: service.token: Field required; correct the value"


def test_the_digest_is_that_of_the_files_the_extended_one_first(design: Design) -> None:
    contents = [(DESIGNS / name).read_bytes() for name in ("family.yaml", "rdp-monitor.yaml")]
    assert str(design.digest) == f"sha256:{hashlib.sha256(bytes(1).join(contents)).hexdigest()}"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert "nowhere.yaml: cannot be read" in refusal(tmp_path / "nowhere.yaml")
