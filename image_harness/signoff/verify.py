"""Reads a sign-off and believes nothing: whose signature, about which image, how old, which design, how complete."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from image_harness.design import Design
from image_harness.signoff.claims import Claims, Predicate, predicate_type_of, read_claims
from image_harness.signoff.errors import NotVerifiedError
from image_harness.signoff.keyless import verify_keyless
from image_harness.signoff.keys import PublicKey
from image_harness.signoff.policy import Identity, Policy
from image_harness.signoff.referrers import Attached
from image_harness.signoff.statement import GATE, PREDICATE_TYPE, TestResult, result_of
from image_harness.types import Digest

#: How far the clocks of signer and reader may be apart.
_CLOCKS: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Trust:
    """Who may sign."""

    keys: tuple[PublicKey, ...]
    identities: tuple[Identity, ...] = ()


@dataclass(frozen=True, slots=True)
class Verified:
    """A sign-off that holds.

    Attributes:
        where: Where it was found.
        claims: What it says.
        checks: What was checked, in words.
    """

    where: str
    claims: Claims
    checks: tuple[str, ...]


def verify(
    digest: Digest,
    found: Iterable[Attached],
    trust: Trust,
    policy: Policy,
    *,
    design: Design | None,
    now: datetime,
) -> Verified:
    """Decide whether an image is signed off.

    Of several statements that are properly signed and about this image, the newest decides: an older and better one
    does not outlive it.

    Args:
        digest: The image's manifest.
        found: What is attached to it.
        trust: Who may sign.
        policy: What is asked of a sign-off.
        design: The design that the policy asks for.
        now: The time.

    Raises:
        NotVerifiedError: It is not; says why.
    """
    problems: list[NotVerifiedError] = []
    proper: list[tuple[Claims, Attached]] = []
    for attached in found:
        if attached.envelope is not None and _is_of_another_kind(attached.envelope.payload):
            continue
        try:
            proper.append((_properly_signed(attached, digest, trust), attached))
        except NotVerifiedError as error:
            problems.append(error)
    if not proper:
        nothing = NotVerifiedError("no sign-off is attached to it", where=str(digest), fix="run image-harness sign-off")
        raise problems[0] if problems else nothing
    claims, attached = max(proper, key=lambda pair: pair[0].predicate.signed)
    return Verified(attached.where, claims, tuple(_judge(claims, attached.where, policy, design, now)))


def _is_of_another_kind(payload: bytes) -> bool:
    return predicate_type_of(payload) not in (None, PREDICATE_TYPE)


def _properly_signed(attached: Attached, digest: Digest, trust: Trust) -> Claims:
    if attached.envelope is None:
        raise attached.damage or NotVerifiedError("the envelope is damaged", where=attached.where)
    _check_signature(attached, trust)
    claims = read_claims(attached.envelope.payload, attached.where)
    if not claims.is_about(digest):
        others = ", ".join(f"sha256:{subject}" for subject in claims.subjects) or "no image"
        raise NotVerifiedError(f"the statement is about {others}, not about {digest}", where=attached.where)
    return claims


def _check_signature(attached: Attached, trust: Trust) -> None:
    if attached.bundle is not None and attached.bundle.keyless:
        if not trust.identities:
            what = "signed without a key, and no identity is trusted"
            raise NotVerifiedError(what, where=attached.where, fix="name identities in the policy")
        verify_keyless(attached.bundle, trust.identities, attached.where)
        return
    if not trust.keys or attached.envelope is None:
        what = "signed with a key, and no key is trusted"
        raise NotVerifiedError(what, where=attached.where, fix="name one with --key or in the policy")
    problem: NotVerifiedError | None = None
    for key in trust.keys:
        try:
            attached.envelope.verify(key, attached.where)
        except NotVerifiedError as error:
            problem = error
        else:
            return
    if problem is not None:
        raise problem


def _judge(claims: Claims, where: str, policy: Policy, design: Design | None, now: datetime) -> Iterable[str]:
    predicate = claims.predicate
    yield "signature and subject"
    yield _fresh(predicate, where, policy, now)
    _check_sums(predicate, where)
    yield _right_design(predicate, where, design)
    yield _complete(predicate, where, design)
    yield _good(predicate, where, policy)


def _fresh(predicate: Predicate, where: str, policy: Policy, now: datetime) -> str:
    age = now - predicate.signed
    if age < -_CLOCKS:
        raise NotVerifiedError(f"signed in the future, at {predicate.signed.isoformat()}", where=where)
    if age > policy.max_age:
        what = f"too old: signed {_days(age)} ago, at {predicate.signed.isoformat()}"
        fix = f"sign the image off again: at most {_days(policy.max_age)} are allowed"
        raise NotVerifiedError(what, where=where, fix=fix)
    return f"fresh: signed at {predicate.signed.isoformat()}, at most {_days(policy.max_age)} are allowed"


def _check_sums(predicate: Predicate, where: str) -> None:
    named = [*predicate.passed, *predicate.warned, *predicate.failed]
    if len(set(named)) != len(named):
        twice = next(name for name in named if named.count(name) > 1)
        raise NotVerifiedError(f"incomplete: {twice} is listed twice", where=where)
    worked_out = result_of(predicate.warned, predicate.failed)
    if predicate.result is not worked_out:
        what = f"the statement contradicts itself: it says {predicate.result}, its lists say {worked_out}"
        raise NotVerifiedError(what, where=where)


def _right_design(predicate: Predicate, where: str, design: Design | None) -> str:
    stated = predicate.sign_off.design
    if design is not None and (stated.name, stated.digest) != (design.name, str(design.digest)):
        what = f"held against another design: {stated.name} {stated.digest}, not {design.name} {design.digest}"
        raise NotVerifiedError(what, where=where)
    return f"design: {stated.name} {stated.digest}{'' if design else ' (none was asked for)'}"


def _complete(predicate: Predicate, where: str, design: Design | None) -> str:
    named = {name for name in (*predicate.passed, *predicate.warned, *predicate.failed) if not name.startswith(GATE)}
    if len(named) != predicate.sign_off.requirements or not named:
        what = f"incomplete: {len(named)} requirements are listed, the design had {predicate.sign_off.requirements}"
        raise NotVerifiedError(what, where=where)
    if design is not None and named != (asked := {requirement.id for requirement in design.catalogue}):
        other = sorted(asked ^ named)
        what = (
            f"incomplete: {len(asked - named)} requirements of the design are missing, {len(named - asked)} are unknown"
        )
        raise NotVerifiedError(f"{what}, such as {other[0]}", where=where)
    return f"complete: {len(named)} requirements"


def _good(predicate: Predicate, where: str, policy: Policy) -> str:
    if predicate.result is TestResult.FAILED:
        what = f"{len(predicate.failed)} requirements failed, such as {predicate.failed[0]}"
        raise NotVerifiedError(what, where=where)
    _check_allowances(predicate, where, policy.allow)
    allowed = len(predicate.sign_off.allowed)
    let_through = f", {allowed} {'reason' if allowed == 1 else 'reasons'} let through" if allowed else ""
    return f"result: {predicate.result}{let_through}"


def _check_allowances(predicate: Predicate, where: str, accepted: Sequence[str] | None) -> None:
    allowed = predicate.sign_off.allowed
    if len(allowed) != len(predicate.warned):
        what = f"{len(predicate.warned)} warnings and {len(allowed)} reasons that were let through"
        raise NotVerifiedError(f"the statement contradicts itself: {what}", where=where)
    for item in allowed:
        if accepted is not None and item.id not in accepted:
            what = f"the signer let through what the policy does not: {item.id} ({item.reason})"
            raise NotVerifiedError(what, where=where)


def _days(age: timedelta) -> str:
    hours = age.total_seconds() / 3600
    return f"{hours / 24:.0f} days" if hours >= 48 else f"{hours:.0f} hours"
