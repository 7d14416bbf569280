"""Signing without a key: an identity provider vouches, Fulcio certifies, Rekor keeps a public record.

Needs the ``keyless`` extra (sigstore) and the network: Sigstore's public services, and in CI an identity token of the
job (on GitHub: ``permissions: id-token: write``).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import httpx
import requests

from image_harness.errors import HarnessError
from image_harness.signoff.bundle import Bundle
from image_harness.signoff.envelope import PAYLOAD_TYPE
from image_harness.signoff.errors import NotVerifiedError
from image_harness.signoff.policy import Identity

_WHERE = "--keyless"


def check_keyless() -> None:
    """Make sure, before anything slow, that there is an identity to sign with.

    Raises:
        HarnessError: The library is not installed, or no identity is at hand.
    """
    with _user_errors():
        from sigstore.oidc import detect_credential  # noqa: PLC0415 - an optional dependency

        if detect_credential() is None:
            fix = "run it in a CI job that may ask for an identity token, or sign with --key"
            raise HarnessError("nobody vouches for an identity here", where=_WHERE, fix=fix)


def sign_keyless(payload: bytes) -> Bundle:
    """Sign a statement with the identity of this CI job.

    Raises:
        HarnessError: There is no identity, or a service cannot be reached.
    """
    with _user_errors():
        from sigstore.dsse import Statement  # noqa: PLC0415
        from sigstore.models import ClientTrustConfig  # noqa: PLC0415
        from sigstore.oidc import IdentityToken, detect_credential  # noqa: PLC0415
        from sigstore.sign import SigningContext  # noqa: PLC0415

        token = detect_credential()
        if token is None:
            raise HarnessError("nobody vouches for an identity here", where=_WHERE, fix="sign with --key")
        identity = IdentityToken(token)
        context = SigningContext.from_trust_config(ClientTrustConfig.production())
        with context.signer(identity) as signer:
            signed = signer.sign_dsse(Statement(payload)).to_json().encode()
    return Bundle.parse(signed, _WHERE)


def verify_keyless(bundle: Bundle, identities: Sequence[Identity], where: str) -> None:
    """Check that one of the identities has signed a bundle's statement.

    Raises:
        NotVerifiedError: None of them has, or it was altered afterwards.
        HarnessError: The library is not installed, or Sigstore's root of trust cannot be had.
    """
    with _user_errors():
        from sigstore.errors import Error, VerificationError  # noqa: PLC0415
        from sigstore.models import Bundle as SigstoreBundle  # noqa: PLC0415
        from sigstore.verify import Verifier  # noqa: PLC0415
        from sigstore.verify.policy import AnyOf  # noqa: PLC0415
        from sigstore.verify.policy import Identity as SigstoreIdentity  # noqa: PLC0415

        verifier = Verifier.production()
        asked = AnyOf([SigstoreIdentity(identity=item.subject, issuer=item.issuer) for item in identities])
        try:
            kind, payload = verifier.verify_dsse(SigstoreBundle.from_json(bundle.data), asked)
        except VerificationError as error:
            raise NotVerifiedError(f"signed by none of the identities asked for: {error}", where=where) from None
        except Error as error:
            raise NotVerifiedError(f"the bundle is damaged: {error}", where=where) from None
        if kind != PAYLOAD_TYPE or payload != bundle.envelope.payload:
            raise NotVerifiedError("the envelope was altered after it was signed", where=where)


@contextlib.contextmanager
def _user_errors() -> Iterator[None]:
    """Tell in one line what stands in the way."""
    try:
        yield
    except HarnessError:
        raise
    except ImportError:
        fix = "pip install 'image-harness[keyless]', or use a key"
        raise HarnessError("signing without a key needs the sigstore library", where=_WHERE, fix=fix) from None
    except (OSError, requests.RequestException, httpx.HTTPError) as error:
        raise HarnessError(f"Sigstore's services cannot be reached: {error}", where=_WHERE) from None
    except Exception as error:
        if not type(error).__module__.startswith(("sigstore", "tuf", "securesystemslib", "id")):
            raise
        what = f"Sigstore refuses: {type(error).__name__}: {error}"
        raise HarnessError(what, where=_WHERE, fix="sign with --key where it cannot be reached") from None
