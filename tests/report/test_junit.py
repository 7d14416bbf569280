from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest

from image_harness.report.junit import render_junit
from image_harness.report.model import CheckOutcome, RunReport

from .generate import check, good_report, hostile_report, report, requirement, whole_report

# The shape of Jenkins' junit-10.xsd: per element its children, the attributes it must have and those it may have.
SHAPE = {
    "testsuites": ({"testsuite"}, set(), {"name", "time", "tests", "failures", "errors"}),
    "testsuite": (
        {"properties", "testcase", "system-out", "system-err", "testsuite"},
        {"name", "tests", "failures", "errors"},
        {"group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"},
    ),
    "properties": ({"property"}, set(), set()),
    "property": (set(), {"name", "value"}, set()),
    "testcase": (
        {"skipped", "error", "failure", "system-out", "system-err"},
        {"name"},
        {"time", "classname", "group"},
    ),
    "failure": (set(), set(), {"type", "message"}),
    "error": (set(), set(), {"type", "message"}),
    "skipped": (set(), set(), {"type", "message"}),
    "system-out": (set(), set(), set()),
}
TIME = re.compile(r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?")


def parsed(report: RunReport) -> ET.Element:
    root = ET.fromstring(render_junit(report).encode())
    assert root.tag == "testsuites"
    return root


def cases(report: RunReport) -> dict[str, ET.Element]:
    return {case.get("name", ""): case for case in parsed(report).iter("testcase")}


def check_shape(element: ET.Element) -> None:
    children, required, optional = SHAPE[element.tag]
    assert required <= set(element.keys()) <= required | optional, element.tag
    for child in element:
        assert child.tag in children, f"{child.tag} in {element.tag}"
        check_shape(child)


@pytest.mark.parametrize("make", [whole_report, good_report, hostile_report, report])
def test_has_the_shape_that_jenkins_accepts(make: Callable[[], RunReport]) -> None:
    root = parsed(make())
    check_shape(root)
    for element in root.iter():
        assert TIME.fullmatch(element.get("time", "0"))


@pytest.mark.parametrize("make", [whole_report, good_report, hostile_report, report])
def test_its_numbers_are_those_of_its_cases(make: Callable[[], RunReport]) -> None:
    (suite,) = parsed(make())
    assert suite.get("tests") == str(len(suite.findall("testcase")))
    assert suite.get("failures") == str(len(suite.findall("testcase/failure")))
    assert suite.get("errors") == str(len(suite.findall("testcase/error")))


def test_every_check_is_one_case_and_a_good_run_has_nothing_else() -> None:
    made = good_report()
    assert len(cases(made)) == len(made.requirements)
    assert not [case for case in cases(made).values() if case.find("error") or case.find("failure")]


def test_a_check_of_several_requirements_is_one_case_that_names_them_all() -> None:
    shared = check("test_shared")
    found = cases(report(requirement("first", shared), requirement("second", shared)))
    assert list(found) == ["test_shared"]
    assert found["test_shared"].findtext("system-out") == "decides: first, second"


def test_every_requirement_is_a_property_of_the_suite_with_its_status_and_checks() -> None:
    root = parsed(report(requirement("user.config", check("test_user"))))
    found = {item.get("name"): item.get("value") for item in root.iter("property")}
    assert found["requirement user.config"] == "met image_tests/test_made_up.py::test_user"
    assert found["verdict"] == "met"


def test_a_case_is_named_as_pytest_names_it() -> None:
    made = report(requirement("a", check("TestLabels::test_label[a::b.py]")))
    (case,) = parsed(made).iter("testcase")
    assert case.get("classname") == "image_tests.test_made_up.TestLabels"
    assert case.get("name") == "test_label[a::b.py]"


def test_what_is_not_met_is_a_failure_with_the_requirement_and_the_finding() -> None:
    made = report(
        requirement("user.config", check("test_user", CheckOutcome.FAILED, message="0 == 65532\n  in config"))
    )
    failure = cases(made)["test_user"].find("failure")
    assert failure is not None
    assert failure.get("message") == "user.config: 0 == 65532 in config"
    assert failure.text == "0 == 65532\n  in config"


@pytest.mark.parametrize("outcome", [CheckOutcome.ERROR, CheckOutcome.SKIPPED])
def test_what_could_not_look_is_an_error_and_never_skipped(outcome: CheckOutcome) -> None:
    found = cases(report(requirement("user.config", check("test_user", outcome, message="the engine is gone"))))
    error = found["test_user"].find("error")
    assert error is not None
    assert error.get("type") == "unproven"
    assert list(found) == ["test_user"]


def test_a_skipped_check_counts_as_an_error() -> None:
    (suite,) = parsed(report(requirement("user.config", check("test_user", CheckOutcome.SKIPPED))))
    assert (suite.get("errors"), suite.get("skipped")) == ("1", "0")


@pytest.mark.parametrize(
    ("checks", "deselected", "words"),
    [((), 0, "none of its checks"), (("a",), 1, "1 of its 2 checks")],
)
def test_a_requirement_that_no_case_speaks_for_is_a_case_of_its_own(
    checks: tuple[str, ...], deselected: int, words: str
) -> None:
    made = report(requirement("user.config", *(check(name) for name in checks), deselected=deselected))
    error = cases(made)["user.config is unproven"].find("error")
    assert error is not None
    assert words in (error.text or "")


def test_a_requirement_that_passed_only_when_tried_again_is_an_error() -> None:
    error = cases(report(requirement("user.config", check("test_user", retries=1))))["user.config is unproven"].find(
        "error"
    )
    assert error is not None
    assert "try 2" in (error.text or "")


def test_what_was_not_selected_is_no_case() -> None:
    made = report(requirement("a", check("a")), requirement("b", selected=False))
    assert list(cases(made)) == ["a"]


@pytest.mark.parametrize("results", [(), (requirement("b", selected=False),)], ids=["no-requirements", "none-selected"])
def test_a_run_that_decided_nothing_is_not_green(results: tuple[()]) -> None:
    assert [case.find("error") is not None for case in cases(report(*results)).values()] == [True]
