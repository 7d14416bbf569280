"""What can be shown without Sigstore's services: that each thing in the way is told in one line."""

from __future__ import annotations

import sys

import pytest
from sigstore.errors import VerificationError

from image_harness.errors import HarnessError
from image_harness.signoff.bundle import Bundle
from image_harness.signoff.envelope import PAYLOAD_TYPE, Envelope
from image_harness.signoff.errors import NotVerifiedError
from image_harness.signoff.keyless import check_keyless, sign_keyless, verify_keyless
from image_harness.signoff.keys import PrivateKey
from image_harness.signoff.policy import Identity

SOMEBODY = Identity(
    subject="https://github.com/lucid/release.yml", issuer="https://token.actions.githubusercontent.com"
)


@pytest.fixture(autouse=True)
def _no_ambient_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE", "CIRCLECI"):
        monkeypatch.delenv(name, raising=False)


def test_without_an_identity_nothing_is_begun() -> None:
    with pytest.raises(HarnessError, match="--keyless: nobody vouches for an identity here; run it in a CI job"):
        check_keyless()
    with pytest.raises(HarnessError, match="nobody vouches"):
        sign_keyless(b"{}")


def test_without_the_library_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sigstore.oidc", None)

    with pytest.raises(HarnessError, match=r"needs the sigstore library; pip install 'image-harness\[keyless\]'"):
        check_keyless()


def test_without_the_root_of_trust_nothing_is_verified(key: PrivateKey, monkeypatch: pytest.MonkeyPatch) -> None:
    from sigstore.verify import Verifier  # noqa: PLC0415

    def unreachable() -> Verifier:
        raise ConnectionError("no route")

    monkeypatch.setattr(Verifier, "production", unreachable)
    bundle = Bundle.of_key(Envelope.sign(b"{}", key), key.public)

    with pytest.raises(HarnessError, match="Sigstore's services cannot be reached: no route") as caught:
        verify_keyless(bundle, [SOMEBODY], "here")
    assert "\n" not in str(caught.value)


class Accepting:
    """A verifier that finds a bundle's signature good, and its statement to be another one if so told."""

    def __init__(self, kind: str, payload: bytes, problem: Exception | None = None) -> None:
        self._answer, self._problem = (kind, payload), problem

    def verify_dsse(self, _bundle: object, _policy: object) -> tuple[str, bytes]:
        if self._problem is not None:
            raise self._problem
        return self._answer


@pytest.fixture
def bundle(key: PrivateKey, monkeypatch: pytest.MonkeyPatch) -> Bundle:
    monkeypatch.setattr("sigstore.models.Bundle.from_json", lambda raw: raw)
    return Bundle.of_key(Envelope.sign(b"{}", key), key.public)


def test_what_the_library_verifies_must_be_the_very_statement(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [Accepting(PAYLOAD_TYPE, b"{}"), Accepting(PAYLOAD_TYPE, b"{ }"), Accepting("text/plain", b"{}")]
    monkeypatch.setattr("sigstore.verify.Verifier.production", lambda: answers.pop(0))

    verify_keyless(bundle, [SOMEBODY], "here")
    for _ in range(2):
        with pytest.raises(NotVerifiedError, match="here: the envelope was altered after it was signed"):
            verify_keyless(bundle, [SOMEBODY], "here")


def test_somebody_elses_identity_is_refused(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = VerificationError("certificate's subject is another")
    monkeypatch.setattr("sigstore.verify.Verifier.production", lambda: Accepting("", b"", problem))

    with pytest.raises(NotVerifiedError, match="signed by none of the identities asked for: certificate's subject"):
        verify_keyless(bundle, [SOMEBODY], "here")


def test_a_bundle_that_the_library_cannot_read_is_damaged(key: PrivateKey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sigstore.verify.Verifier.production", lambda: Accepting(PAYLOAD_TYPE, b"{}"))

    with pytest.raises(NotVerifiedError, match="here: the bundle is damaged"):
        verify_keyless(Bundle(Envelope.sign(b"{}", key), b"{}", keyless=True), [SOMEBODY], "here")


def test_a_token_that_is_none_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sigstore.oidc.detect_credential", lambda: "no token")

    with pytest.raises(HarnessError, match="--keyless: Sigstore refuses: IdentityError") as caught:
        sign_keyless(b"{}")
    assert "\n" not in str(caught.value)
