from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from image_harness.design import Design, load_design
from image_harness.report.model import DesignFacts
from image_harness.signoff.bundle import Bundle
from image_harness.signoff.envelope import Envelope
from image_harness.signoff.errors import NotVerifiedError
from image_harness.signoff.keys import PrivateKey
from image_harness.signoff.policy import Policy
from image_harness.signoff.referrers import Attached
from image_harness.signoff.verify import Trust, Verified, verify
from image_harness.types import Digest
from tests.report.generate import check, digest, report, requirement
from tests.signoff.made import IMAGE, NOW, SIGNED, STAND_IN, UNPROVEN, altered, good_run, statement

MONITOR = Path(__file__).parents[2] / "designs" / "rdp-monitor.yaml"


def signed(payload: bytes, key: PrivateKey, where: str = "here") -> Attached:
    return Attached(where, Envelope.sign(payload, key))


def judged(
    key: PrivateKey,
    *found: Attached,
    image: Digest = IMAGE,
    policy: Policy | None = None,
    design: Design | None = None,
) -> Verified:
    return verify(image, found, Trust((key.public,)), policy or Policy(), design=design, now=NOW)


def test_a_good_sign_off_holds(key: PrivateKey) -> None:
    verified = judged(key, signed(statement(), key))

    assert verified.claims.is_about(IMAGE)
    assert [line.partition(":")[0] for line in verified.checks] == [
        "signature and subject",
        "fresh",
        "design",
        "complete",
        "result",
    ]


def test_an_image_that_nothing_is_attached_to_is_not_signed_off(key: PrivateKey) -> None:
    with pytest.raises(NotVerifiedError, match=f"{IMAGE}: no sign-off is attached to it"):
        judged(key)


def test_statements_of_another_kind_are_passed_over(key: PrivateKey) -> None:
    provenance = altered(statement(), "predicateType", to="https://slsa.dev/provenance/v1")

    assert judged(key, signed(provenance, key), signed(statement(), key))
    with pytest.raises(NotVerifiedError, match="no sign-off is attached"):
        judged(key, signed(provenance, key))


def test_another_image_is_refused(key: PrivateKey) -> None:
    with pytest.raises(NotVerifiedError, match=f"the statement is about {IMAGE}, not about {digest('another')}"):
        judged(key, signed(statement(), key), image=digest("another"))


def test_another_key_is_refused(key: PrivateKey, other_key: PrivateKey) -> None:
    with pytest.raises(NotVerifiedError, match="signed with another key"):
        judged(key, signed(statement(), other_key))


def test_any_of_several_keys_may_have_signed(key: PrivateKey, other_key: PrivateKey) -> None:
    trust = Trust((other_key.public, key.public))

    assert verify(IMAGE, [signed(statement(), key)], trust, Policy(), design=None, now=NOW)


def test_an_altered_predicate_is_refused(key: PrivateKey) -> None:
    good = Envelope.sign(statement(report(requirement("one"))), key)
    better = replace(good, payload=good.payload.replace(b'"FAILED"', b'"PASSED"'))
    assert better != good

    with pytest.raises(NotVerifiedError, match="altered after it was signed"):
        judged(key, Attached("here", better))


def test_a_damaged_envelope_is_told_so(key: PrivateKey) -> None:
    with pytest.raises(NotVerifiedError, match="a tooth is missing"):
        judged(key, Attached("here", None, damage=NotVerifiedError("a tooth is missing")))


def test_damage_and_strangers_beside_a_good_sign_off_do_no_harm(key: PrivateKey, other_key: PrivateKey) -> None:
    damaged = Attached("there", None, damage=NotVerifiedError("damaged"))

    assert judged(key, damaged, signed(statement(), other_key), signed(statement(), key)).where == "here"


def test_of_several_the_newest_decides(key: PrivateKey) -> None:
    failed = statement(report(requirement("one")), signed=SIGNED + timedelta(hours=1))

    with pytest.raises(NotVerifiedError, match="1 requirements failed, such as one"):
        judged(key, signed(failed, key), signed(statement(), key))
    assert judged(key, signed(statement(signed=SIGNED + timedelta(hours=2)), key), signed(failed, key))


@pytest.mark.parametrize("age", [timedelta(days=30, seconds=1), timedelta(days=400)])
def test_an_old_sign_off_is_refused(age: timedelta, key: PrivateKey) -> None:
    with pytest.raises(
        NotVerifiedError, match=r"too old: signed .* ago, at .*; sign the image off again: at most 30 days are allowed"
    ):
        judged(key, signed(statement(signed=NOW - age), key))


def test_the_policy_says_how_old_is_too_old(key: PrivateKey) -> None:
    old = signed(statement(signed=NOW - timedelta(days=40)), key)

    assert judged(key, old, policy=Policy.model_validate({"max_age": "41d"}))
    with pytest.raises(NotVerifiedError, match="too old: signed 6 hours ago"):
        judged(key, signed(statement(), key), policy=Policy.model_validate({"max_age": "5h"}))


def test_a_sign_off_from_the_future_is_refused_but_for_the_clocks(key: PrivateKey) -> None:
    assert judged(key, signed(statement(signed=NOW + timedelta(minutes=4)), key))
    with pytest.raises(NotVerifiedError, match="signed in the future"):
        judged(key, signed(statement(signed=NOW + timedelta(minutes=6)), key))


def test_another_design_is_refused(key: PrivateKey) -> None:
    with pytest.raises(NotVerifiedError, match="held against another design: rdp-monitor sha256:"):
        judged(key, signed(statement(), key), design=load_design(MONITOR))


def test_every_requirement_of_the_design_must_be_there(key: PrivateKey) -> None:
    design = load_design(MONITOR)
    ids = [item.id for item in design.catalogue]

    def run(names: list[str]) -> Attached:
        made = report(*(requirement(name, check(name)) for name in names))
        return signed(statement(replace(made, design=DesignFacts(design.name, design.digest))), key)

    assert judged(key, run(ids), design=design)
    with pytest.raises(NotVerifiedError, match="incomplete: 1 requirements of the design are missing, 0 are unknown"):
        judged(key, run(ids[1:]), design=design)
    with pytest.raises(NotVerifiedError, match="incomplete: 0 requirements of the design are missing, 1 are unknown"):
        judged(key, run([*ids, "made.up"]), design=design)


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (
            altered(statement(), "predicate", "passedTests", to=["one"]),
            "incomplete: 1 requirements are listed, the design had 2",
        ),
        (altered(statement(), "predicate", "passedTests", to=["one", "one"]), "incomplete: one is listed twice"),
        (altered(statement(), "predicate", "result", to="WARNED"), "says WARNED, its lists say PASSED"),
        (altered(statement(), "predicate", "failedTests", to=["three"]), "says PASSED, its lists say FAILED"),
        (altered(statement(allowed=[STAND_IN]), "predicate", "signOff", "allowed", to=[]), "1 warnings and 0 reasons"),
        (statement(report()), "incomplete: 0 requirements are listed"),
    ],
)
def test_a_properly_signed_statement_must_be_complete_and_agree_with_itself(
    payload: bytes, words: str, key: PrivateKey
) -> None:
    with pytest.raises(NotVerifiedError, match=words):
        judged(key, signed(payload, key))


def test_what_was_let_through_is_accepted_unless_the_policy_says_otherwise(key: PrivateKey) -> None:
    run = report(*good_run().requirements, requirement("three"))
    warned = signed(statement(run, allowed=[UNPROVEN, STAND_IN]), key)

    assert "2 reasons let through" in judged(key, warned).checks[-1]
    assert judged(key, warned, policy=Policy(allow=("bases.stand-in", "unproven:three")))
    for allow in ((), ("bases.stand-in",)):
        with pytest.raises(NotVerifiedError, match="let through what the policy does not: unproven:three"):
            judged(key, warned, policy=Policy(allow=allow))


def test_who_is_trusted_must_fit_how_it_was_signed(key: PrivateKey) -> None:
    envelope = Envelope.sign(statement(), key)
    keyless = Attached("here", envelope, Bundle(envelope, b"{}", keyless=True))

    with pytest.raises(NotVerifiedError, match="signed without a key, and no identity is trusted"):
        judged(key, keyless)
    with pytest.raises(NotVerifiedError, match="signed with a key, and no key is trusted"):
        verify(IMAGE, [signed(statement(), key)], Trust(()), Policy(), design=None, now=NOW)
