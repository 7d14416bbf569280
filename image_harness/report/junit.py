"""junit.xml, for continuous integration: what Jenkins' xUnit schema (junit-10.xsd) accepts, and others read.

A check that could not look is an ``error``, also when pytest skipped it: most systems show a skipped test as fine. A
requirement that is unproven although none of its checks went wrong (it was retried, some of its checks were left out,
or none came to an end) is an error of its own. The schema has no properties on a test case, so that the requirements
stand in its output and message, and in the suite's properties with the checks that decide them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from xml.etree import ElementTree as ET

from image_harness.report.advice import finding
from image_harness.report.model import CheckOutcome, CheckResult, RequirementResult, RunReport
from image_harness.report.prose import summary
from image_harness.report.text import one_line, printable
from image_harness.types import Status

_MESSAGE_LIMIT: Final = 300
_PASSING: Final = (Status.MET, Status.NOT_SELECTED)


@dataclass(frozen=True, slots=True)
class _Case:
    """One test case: a check, or a requirement that no check of its own speaks for."""

    classname: str
    name: str
    duration: timedelta
    ids: tuple[str, ...]
    outcome: CheckOutcome
    message: str = ""
    output: tuple[str, ...] = ()


def render_junit(report: RunReport) -> str:
    """Return the text of junit.xml."""
    cases = [*_check_cases(report), *_requirement_cases(report)]
    if not cases:
        # A file without a test case is green to most systems; a run that decided nothing is not.
        cases = [_Case("requirements", "nothing is proven", timedelta(), (), CheckOutcome.ERROR, summary(report))]
    suite_attributes = {
        "name": printable(f"{report.design.name} design"),
        "tests": str(len(cases)),
        "failures": str(_number(cases, CheckOutcome.FAILED)),
        "errors": str(_number(cases, CheckOutcome.ERROR)),
        "skipped": "0",
        "time": _seconds(report.run.duration),
        "timestamp": report.run.started.replace(microsecond=0, tzinfo=None).isoformat(),
    }
    root = ET.Element("testsuites")
    suite = ET.SubElement(root, "testsuite", suite_attributes)
    properties = ET.SubElement(suite, "properties")
    for name, value in _properties(report):
        ET.SubElement(properties, "property", {"name": printable(name), "value": printable(value)})
    for case in cases:
        _add(suite, case)
    ET.indent(root, " ")
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _number(cases: Iterable[_Case], outcome: CheckOutcome) -> int:
    return sum(case.outcome is outcome for case in cases)


def _properties(report: RunReport) -> Iterable[tuple[str, str]]:
    image = report.image
    yield "verdict", report.verdict
    yield "image", image.reference
    yield "platform", str(image.platform)
    yield "manifest_digest", str(image.manifest_digest or "")
    yield "config_digest", str(image.config_digest or "")
    yield "design_sha256", report.design.digest.hex
    for result in report.requirements:
        yield f"requirement {result.facts.id}", " ".join([result.status, *(check.nodeid for check in result.checks)])


def _check_cases(report: RunReport) -> Iterable[_Case]:
    results = {check.nodeid: check for result in report.requirements for check in result.checks}
    ids: dict[str, list[str]] = {nodeid: [] for nodeid in results}
    for result in report.requirements:
        for check in result.checks:
            ids[check.nodeid].append(result.facts.id)
    return [_check_case(check, tuple(ids[nodeid])) for nodeid, check in results.items()]


def _check_case(check: CheckResult, ids: tuple[str, ...]) -> _Case:
    # A parameter may hold anything, colons included; what stands before it is a path and names.
    head, bracket, parameter = check.nodeid.partition("[")
    path, *names = head.split("::")
    module = path.removesuffix(".py").replace("/", ".")
    *groups, name = names or [module]
    outcome = CheckOutcome.ERROR if check.outcome is CheckOutcome.SKIPPED else check.outcome
    classname = ".".join([module, *groups])
    return _Case(classname, name + bracket + parameter, check.duration, ids, outcome, check.message, check.evidence)


def _requirement_cases(report: RunReport) -> Iterable[_Case]:
    for result in report.requirements:
        told = any(check.outcome is not CheckOutcome.PASSED for check in result.checks)
        if result.status not in _PASSING and not told:
            yield _requirement_case(result)


def _requirement_case(result: RequirementResult) -> _Case:
    name = f"{result.facts.id} is unproven"
    return _Case("requirements", name, timedelta(), (result.facts.id,), CheckOutcome.ERROR, finding(result))


def _add(suite: ET.Element, case: _Case) -> None:
    attributes: Mapping[str, str] = {
        "classname": printable(case.classname),
        "name": printable(case.name),
        "time": _seconds(case.duration),
    }
    element = ET.SubElement(suite, "testcase", dict(attributes))
    if case.outcome is not CheckOutcome.PASSED:
        tag, kind = ("failure", Status.NOT_MET) if case.outcome is CheckOutcome.FAILED else ("error", Status.UNPROVEN)
        message = one_line(": ".join(filter(None, [", ".join(case.ids), case.message])), _MESSAGE_LIMIT)
        problem = ET.SubElement(element, tag, {"type": kind, "message": message})
        problem.text = printable(case.message)
    if case.ids:
        output = ET.SubElement(element, "system-out")
        output.text = printable("\n".join([f"decides: {', '.join(case.ids)}", *case.output]))


def _seconds(duration: timedelta) -> str:
    """Write seconds as the schema's pattern has them: digits and a point."""
    return f"{duration.total_seconds():.3f}"
