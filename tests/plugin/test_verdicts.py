"""What one phase of a test says of its checks, and what the phases say together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal, NoReturn

import pytest

from image_harness.plugin.tracing import TracedCheck
from image_harness.plugin.verdicts import ATTRIBUTE, Finding, Record, Recorder, is_retried, judge, judge_error
from image_harness.report.model import CheckOutcome

HERE = Path(__file__).parent
ELSEWHERE = HERE / "elsewhere"
CHECK = TracedCheck("t.py::a", ("labels.title", "labels.version"))
When = Literal["setup", "call", "teardown"]


def lose(message: str = "") -> NoReturn:
    raise AssertionError(message) if message else AssertionError


def phase(function: Callable[[], object], when: When = "call") -> pytest.CallInfo[object]:
    return pytest.CallInfo.from_call(function, when)


def report(
    outcome: str = "passed", *findings: Finding, when: When = "call", longrepr: object = None, duration: float = 1.0
) -> pytest.TestReport:
    made = pytest.TestReport(CHECK.nodeid, ("t.py", 1, "a"), {}, outcome, longrepr, when, duration=duration)  # type: ignore[arg-type]
    setattr(made, ATTRIBUTE, [finding.to_data() for finding in findings])
    return made


def expected_failure(outcome: str, reason: str) -> pytest.TestReport:
    made = report(outcome)
    made.wasxfail = reason
    return made


def judged(
    function: Callable[[], object], made: pytest.TestReport, *, when: When = "call", checks: Path = HERE
) -> Finding:
    return judge(CHECK, phase(function, when), made, evidence=["1 == 1"], checks=checks)


def finding(outcome: CheckOutcome, message: str = "", *evidence: str) -> Finding:
    return Finding(CHECK.nodeid, CHECK.ids, outcome, message, evidence)


PASSED = finding(CheckOutcome.PASSED, "", "1 == 1")
FAILED = finding(CheckOutcome.FAILED, "0 == 1", "2 == 2")
ERROR = finding(CheckOutcome.ERROR, "OSError: gone")


def test_a_finding_passes_between_processes_unchanged() -> None:
    assert FAILED.to_data() == {
        "nodeid": "t.py::a",
        "ids": ["labels.title", "labels.version"],
        "outcome": "failed",
        "message": "0 == 1",
        "evidence": ["2 == 2"],
    }
    assert Finding.from_data(FAILED.to_data()) == FAILED


def test_a_check_that_passes_has_what_held_as_its_evidence() -> None:
    assert judged(lambda: None, report()) == PASSED


@pytest.mark.parametrize(
    ("message", "told"),
    [("0 == 1", "0 == 1"), ("AssertionError: 0 == 1", "0 == 1"), ("", "the assertion does not hold")],
)
def test_an_assertion_lost_among_the_checks_is_a_finding_about_the_image(message: str, told: str) -> None:
    assert judged(lambda: lose(message), report("failed")) == finding(CheckOutcome.FAILED, told, "1 == 1")


def test_an_assertion_lost_elsewhere_is_none() -> None:
    found = judged(lambda: lose("0 == 1"), report("failed"), checks=ELSEWHERE)
    assert found == finding(CheckOutcome.ERROR, "AssertionError: 0 == 1", "1 == 1")


@pytest.mark.parametrize("when", ["setup", "teardown"])
def test_an_assertion_lost_before_or_after_the_check_itself_is_none(when: When) -> None:
    found = judged(lambda: lose("0 == 1"), report("failed", when=when), when=when)
    assert found == finding(CheckOutcome.ERROR, "AssertionError: 0 == 1", "1 == 1")


class KindOfAssertionError(AssertionError):
    """As libraries raise for reasons of their own."""


def test_a_kind_of_assertion_error_is_none() -> None:
    def fail() -> None:
        raise KindOfAssertionError(" no answer ")

    assert judged(fail, report("failed")) == finding(CheckOutcome.ERROR, "KindOfAssertionError: no answer", "1 == 1")


def test_an_error_without_words_is_told_by_its_name() -> None:
    def fail() -> None:
        raise TimeoutError

    assert judged(fail, report("failed")) == finding(CheckOutcome.ERROR, "TimeoutError", "1 == 1")


def test_a_check_that_failed_without_an_error_did_not_end() -> None:
    found = judged(lambda: None, report("failed"))
    assert found == finding(CheckOutcome.ERROR, "the check did not end", "1 == 1")


@pytest.mark.parametrize(
    ("longrepr", "told"), [(("t.py", 7, "Skipped: not here"), "Skipped: not here"), ("t.py:7", "skipped")]
)
def test_a_check_that_was_skipped_did_not_look(longrepr: object, told: str) -> None:
    found = judged(lambda: None, report("skipped", longrepr=longrepr))
    assert found == finding(CheckOutcome.SKIPPED, told, "1 == 1")


@pytest.mark.parametrize("outcome", ["passed", "skipped", "failed"])
@pytest.mark.parametrize(("reason", "told"), [("later", "later"), ("", "no reason given")])
def test_a_check_that_is_expected_to_fail_proves_nothing_however_it_ends(outcome: str, reason: str, told: str) -> None:
    found = judged(lambda: None, expected_failure(outcome, reason))
    assert found == finding(CheckOutcome.SKIPPED, f"marked as an expected failure: {told}", "1 == 1")


def caught(function: Callable[[], object]) -> BaseException:
    with pytest.raises(BaseException) as info:  # noqa: PT011 - whatever it is
        function()
    return info.value


def test_of_a_member_decided_with_others_a_lost_assertion_is_a_finding() -> None:
    found = judge_error(CHECK, caught(lambda: lose("0 == 1")), evidence=["1 == 1"], checks=HERE)
    assert found == finding(CheckOutcome.FAILED, "0 == 1", "1 == 1")


def test_of_a_member_decided_with_others_an_assertion_lost_elsewhere_is_none() -> None:
    found = judge_error(CHECK, caught(lambda: lose("0 == 1")), evidence=["1 == 1"], checks=ELSEWHERE)
    assert found == finding(CheckOutcome.ERROR, "AssertionError: 0 == 1", "1 == 1")


def test_of_a_member_decided_with_others_a_skip_did_not_look() -> None:
    found = judge_error(CHECK, caught(lambda: pytest.skip("not here")), evidence=["1 == 1"], checks=HERE)
    assert found == finding(CheckOutcome.SKIPPED, "not here", "1 == 1")


@pytest.mark.parametrize(
    ("outcome", "retried"), [("passed", False), ("failed", False), ("skipped", False), ("rerun", True)]
)
def test_an_outcome_that_is_none_of_pytests_own_was_taken_back(outcome: str, *, retried: bool) -> None:
    assert is_retried(report(outcome)) is retried


def record_of(*reports: pytest.TestReport) -> Record:
    recorder = Recorder()
    for made in reports:
        recorder.add(made)
    return recorder.records[CHECK.nodeid]


def setup() -> pytest.TestReport:
    return report("passed", finding(CheckOutcome.PASSED), when="setup", duration=0.5)


def teardown(found: Finding | None = None) -> pytest.TestReport:
    ended = found or finding(CheckOutcome.PASSED)
    return report("failed" if found else "passed", ended, when="teardown", duration=0.25)


def test_the_phases_of_a_check_make_one_record() -> None:
    assert record_of(setup(), report("passed", PASSED), teardown()) == Record(
        CHECK.nodeid, CHECK.ids, CheckOutcome.PASSED, 1.75, "", ("1 == 1",), starts=1
    )


def test_a_check_of_which_only_the_setup_is_known_has_no_outcome() -> None:
    assert record_of(setup()) == Record(CHECK.nodeid, CHECK.ids, None, 0.5, starts=1)


def test_a_check_whose_setup_failed_has_its_outcome() -> None:
    record = record_of(report("failed", ERROR, when="setup"), teardown())
    assert (record.outcome, record.message) == (CheckOutcome.ERROR, "OSError: gone")


def test_an_error_after_a_check_takes_its_yes_back() -> None:
    record = record_of(setup(), report("passed", PASSED), teardown(ERROR))
    assert (record.outcome, record.message, record.evidence) == (CheckOutcome.ERROR, "OSError: gone", ())


def test_an_error_after_a_check_leaves_its_no() -> None:
    record = record_of(setup(), report("failed", FAILED), teardown(ERROR))
    assert (record.outcome, record.message, record.evidence) == (CheckOutcome.FAILED, "0 == 1", ("2 == 2",))


def test_a_check_that_begins_anew_has_lost_what_it_found_and_was_tried_again() -> None:
    record = record_of(setup(), report("failed", FAILED), teardown(), setup())
    assert (record.outcome, record.starts, record.retries) == (None, 2, 1)


def test_an_outcome_that_was_taken_back_is_none_and_counts_as_a_retry() -> None:
    record = record_of(setup(), report("rerun", FAILED))
    assert (record.outcome, record.dropped, record.retries) == (None, 1, 1)


def test_a_retrier_that_does_not_begin_anew_is_counted_by_what_it_took_back() -> None:
    record = record_of(setup(), report("rerun", FAILED), report("rerun", FAILED), report("passed", PASSED), teardown())
    assert (record.outcome, record.retries) == (CheckOutcome.PASSED, 2)


@pytest.mark.parametrize(
    ("starts", "dropped", "retries"), [(0, 0, 0), (1, 0, 0), (2, 0, 1), (3, 1, 2), (1, 1, 1), (2, 3, 3)]
)
def test_whoever_tried_again_is_counted_once(starts: int, dropped: int, retries: int) -> None:
    assert Record("t.py::a", (), starts=starts, dropped=dropped).retries == retries


def test_checks_of_one_test_share_its_seconds() -> None:
    other = Finding("t.py::b", ("user.config",), CheckOutcome.PASSED)
    recorder = Recorder()
    recorder.add(report("passed", PASSED, other, duration=3.0))
    assert {nodeid: (record.seconds, record.ids) for nodeid, record in recorder.records.items()} == {
        "t.py::a": (1.5, CHECK.ids),
        "t.py::b": (1.5, ("user.config",)),
    }


def test_a_report_without_findings_is_of_no_check() -> None:
    recorder = Recorder()
    recorder.add(pytest.TestReport("t.py::a", ("t.py", 1, "a"), {}, "passed", None, "call"))
    assert recorder.records == {}


def test_a_check_that_is_selected_again_keeps_what_is_known_of_it() -> None:
    recorder = Recorder()
    recorder.select("t.py::a", ["user.config"])
    assert recorder.records == {"t.py::a": Record("t.py::a", ("user.config",))}
    recorder.records["t.py::a"].outcome = CheckOutcome.PASSED
    recorder.select("t.py::a", ["user.config"])
    assert recorder.records["t.py::a"].outcome is CheckOutcome.PASSED


def test_what_was_collected_and_not_selected_was_left_out() -> None:
    recorder = Recorder()
    recorder.collect("t.py::a", ["user.config", "user.files"])
    recorder.collect("t.py::b", ["user.config"])
    recorder.collect("t.py::c", ["user.config"])
    recorder.select("t.py::c", ["user.config"])
    assert recorder.left_out() == {"user.config": 2, "user.files": 1}
