from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_harness.history import codes
from image_harness.report.model import CheckOutcome
from image_harness.types import Status
from tests.report.generate import check, requirement, whole_report


def test_a_report_is_read_back_from_its_string() -> None:
    results = whole_report().requirements

    encoded = codes.encode(results)

    assert [codes.status_of(code) for code in encoded] == [result.status for result in results]
    assert [codes.retried(code) for code in encoded] == [bool(result.retries) for result in results]


@given(outcome=st.sampled_from(CheckOutcome), retries=st.integers(min_value=1, max_value=3))
def test_what_was_retried_is_never_plainly_met(outcome: CheckOutcome, retries: int) -> None:
    code = codes.encode([requirement("one", check("a"), check("b", outcome, retries=retries))])

    assert codes.retried(code)
    assert codes.status_of(code) is not Status.MET
    assert codes.is_bad(code)


def test_a_capital_letter_of_met_would_be_unproven() -> None:
    assert codes.status_of("M") is Status.UNPROVEN


@pytest.mark.parametrize(
    ("code", "bad"), [("m", False), ("-", False), ("n", True), ("u", True), ("U", True), ("M", True)]
)
def test_bad_is_what_is_not_known_to_be_good(code: str, *, bad: bool) -> None:
    assert codes.is_bad(code) is bad
