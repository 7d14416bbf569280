"""What can be shown without Sigstore's services: that each thing in the way is told in one line."""

from __future__ import annotations

import sys

import pytest

from image_harness.errors import HarnessError
from image_harness.signoff.bundle import Bundle
from image_harness.signoff.envelope import Envelope
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
