from __future__ import annotations

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

    assert f"{path}:15: unknown key 'service.clustre'" in refusal(path)


def test_a_wrong_value_names_file_line_and_key(tmp_path: Path) -> None:
    path = changed(tmp_path, "interval: 30s", "interval: often", file="family.yaml")

    message = refusal(path)
    assert "family.yaml:" in message
    assert "health_check.interval: not a duration" in message


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = changed(tmp_path, "name: rdp-monitor", "name: rdp-monitor\nname: other")

    assert "the key 'name' stands here a second time" in refusal(path)


def test_an_id_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = changed(tmp_path, "id: stages.builder-name", "id: stages.builder-base", file="family.yaml")

    assert "the id 'stages.builder-base' stands twice" in refusal(path)


def test_an_unknown_section_is_refused(tmp_path: Path) -> None:
    path = changed(
        tmp_path, "{id: user.config, section: security", "{id: user.config, section: safety", file="family.yaml"
    )

    assert "unknown section 'safety'" in refusal(path)


def test_an_unknown_collection_is_refused(tmp_path: Path) -> None:
    path = changed(tmp_path, "for_each: image.labels", "for_each: image.lables", file="family.yaml")

    assert "the design has no such collection" in refusal(path)


def test_an_unknown_placeholder_is_refused(tmp_path: Path) -> None:
    path = changed(tmp_path, "LUCID_${service.token}", "LUCID_${service.tokn}", file="family.yaml")

    assert "the placeholder ${service.tokn} names no single value" in refusal(path)


def test_what_is_not_yaml_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("a: 1\nb: [1\nc: 2\n")

    assert f"{path}:3: not YAML" in refusal(path)


def test_a_design_that_extends_itself_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "self.yaml"
    path.write_text("extends: self.yaml\n")

    assert "self.yaml extends itself" in refusal(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert "nowhere.yaml: cannot be read" in refusal(tmp_path / "nowhere.yaml")
