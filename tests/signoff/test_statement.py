from __future__ import annotations

import json

import pytest

from image_harness.signoff.claims import predicate_type_of, read_claims
from image_harness.signoff.errors import NotVerifiedError
from image_harness.signoff.statement import PREDICATE_TYPE, TestResult, result_of
from tests.report.generate import check, digest, report, requirement
from tests.signoff.made import IMAGE, SIGNED, STAND_IN, UNPROVEN, altered, good_run, statement


def test_it_is_an_in_toto_statement_of_a_test_result() -> None:
    document = json.loads(statement())

    assert document["_type"] == "https://in-toto.io/Statement/v1"
    assert document["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    assert document["subject"] == [
        {"name": "docker-daemon:pickme/lucid-rdp-monitor:latest-arm64", "digest": {"sha256": IMAGE.hex}}
    ]
    predicate = document["predicate"]
    assert predicate["result"] == "PASSED"
    assert predicate["passedTests"] == ["one", "two"]
    assert predicate["warnedTests"] == predicate["failedTests"] == []


def test_conforma_finds_its_name_and_its_integers() -> None:
    predicate = json.loads(statement(allowed=[STAND_IN]))["predicate"]

    assert predicate["configuration"][0]["name"] == "rdp-monitor"
    assert (predicate["successes"], predicate["warnings"], predicate["failures"]) == (2, 1, 0)


def test_each_resource_is_named_by_its_digest() -> None:
    found = {item["name"]: item["digest"] for item in json.loads(statement())["predicate"]["configuration"]}

    assert found == {
        "rdp-monitor": {"sha256": digest("design").hex},
        "source": {"gitCommit": "1" * 40},
        "report.json": {"sha256": digest("report").hex},
    }


def test_what_was_let_through_is_a_warning_with_its_grounds() -> None:
    run = report(*good_run().requirements, requirement("three"))
    predicate = json.loads(statement(run, allowed=[UNPROVEN, STAND_IN]))["predicate"]

    assert predicate["result"] == "WARNED"
    assert predicate["passedTests"] == ["one", "two"]
    assert predicate["warnedTests"] == ["three", "sign-off:bases.stand-in"]
    assert predicate["signOff"]["allowed"] == [
        {"id": "unproven:three", "finding": "engine gone", "reason": "proven on the other machine"},
        {"id": "bases.stand-in", "finding": "not built on the upstream images", "reason": "none in reach"},
    ]


def test_what_nobody_let_through_has_failed() -> None:
    predicate = json.loads(statement(report(requirement("one", check("one")), requirement("three"))))["predicate"]

    assert predicate["result"] == "FAILED"
    assert predicate["failedTests"] == ["three"]


@pytest.mark.parametrize(
    ("warned", "failed", "expected"),
    [([], [], TestResult.PASSED), (["a"], [], TestResult.WARNED), (["a"], ["b"], TestResult.FAILED)],
)
def test_results_add_up(warned: list[str], failed: list[str], expected: TestResult) -> None:
    assert result_of(warned, failed) is expected


def test_a_statement_is_read_back() -> None:
    claims = read_claims(statement(allowed=[STAND_IN]), "here")

    assert claims.is_about(IMAGE)
    assert not claims.is_about(digest("another"))
    assert claims.predicate.signed == SIGNED
    assert claims.predicate.sign_off.requirements == 2
    assert claims.predicate.sign_off.allowed[0].reason == "none in reach"


def test_cosigns_older_statement_version_is_read() -> None:
    payload = altered(statement(), "_type", to="https://in-toto.io/Statement/v0.1")

    assert read_claims(payload, "here").is_about(IMAGE)


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (altered(statement(), "predicateType", to="https://slsa.dev/provenance/v1"), "of another kind"),
        (
            altered(statement(), "_type", to="https://in-toto.io/Statement/v9"),
            "not an in-toto statement of a known version",
        ),
        (altered(statement(), "predicate", "result", to="GREAT"), "predicate.result"),
        (altered(statement(), "predicate", "signOff", "signed", to="yesterday"), "signed"),
        (altered(statement(), "predicate", "signOff", "signed", to="2026-03-04T06:00:00"), "signed"),
        (altered(statement(), "predicate", "signOff", "schema", to=2), "a sign-off of schema 2, not 1"),
        (altered(statement(), "subject", 0, "digest", to={"sha512": "00"}), "subjects.0"),
        (b"{}", "not the statement of a sign-off"),
        (b"\xff", "not the statement of a sign-off"),
    ],
)
def test_a_statement_of_another_shape_is_refused(payload: bytes, words: str) -> None:
    with pytest.raises(NotVerifiedError, match=words):
        read_claims(payload, "here")


def test_the_kind_of_a_statement_is_told() -> None:
    assert predicate_type_of(statement()) == PREDICATE_TYPE
    assert predicate_type_of(b"nothing") is None
