"""Attaches what a sign-off wrote to the image in a registry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from image_harness.errors import HarnessError
from image_harness.signoff import bundle, files, sbom
from image_harness.signoff.bundle import Bundle
from image_harness.signoff.claims import Claims, read_claims
from image_harness.signoff.files import Folder
from image_harness.signoff.platforms import platform_manifest
from image_harness.signoff.referrers import attach, attach_for_cosign
from image_harness.signoff.registry import Registry, digest_of
from image_harness.signoff.statement import PREDICATE_TYPE
from image_harness.types import Digest


def attach_sign_off(registry: Registry, digest: Digest, folder: Folder) -> tuple[str, ...]:
    """Attach statement and bill of materials.

    Args:
        registry: Where the image is.
        digest: Its manifest, or the index that lists it.
        folder: What sign-off wrote.

    Returns:
        What was attached, in words.

    Raises:
        HarnessError: The folder holds no signed statement, one about another image or other materials, or the registry
            refuses.
    """
    return tuple(_attach(registry, digest, folder))


def _attach(registry: Registry, digest: Digest, folder: Folder) -> Iterator[str]:
    signed = _signed(folder)
    claims = read_claims(signed.envelope.payload, str(folder.path / files.BUNDLE))
    materials = _materials(folder, claims)
    subject = platform_manifest(registry, digest)
    if not claims.is_about(subject.digest):
        what = f"the sign-off is of sha256:{', sha256:'.join(claims.subjects)}, the image there is {subject.digest}"
        raise HarnessError(what, where=str(folder.path), fix="push the image that was signed off")
    annotations = {
        "dev.sigstore.bundle.content": "dsse-envelope",
        "dev.sigstore.bundle.predicateType": PREDICATE_TYPE,
        "org.opencontainers.image.created": claims.predicate.signed.isoformat(),
    }
    yield f"{files.BUNDLE}: {attach(registry, subject, signed.data, bundle.MEDIA_TYPE, annotations)}"
    if not signed.keyless:
        # cosign's older form keeps certificate and log entry elsewhere; a keyless statement is read from its bundle.
        yield f"{files.ENVELOPE}: {attach_for_cosign(registry, subject.digest, signed.envelope, PREDICATE_TYPE)}"
    yield f"{files.SBOM}: {attach(registry, subject, materials, sbom.MEDIA_TYPE, {})}"


def _signed(folder: Folder) -> Bundle:
    decision = _decision(folder)
    if decision.get("decision") != "signed-off" or not decision.get("signed"):
        what = "the image was refused" if decision.get("decision") == "refused" else "the statement is not signed"
        raise HarnessError(f"nothing to attach: {what}", where=str(folder.path), fix="run image-harness sign-off --key")
    return Bundle.parse(folder.read(files.BUNDLE), str(folder.path / files.BUNDLE))


def _decision(folder: Folder) -> dict[str, Any]:
    try:
        decision = json.loads(folder.read(files.DECISION))
    except (ValueError, RecursionError):
        decision = None
    if not isinstance(decision, dict):
        where, fix = str(folder.path / files.DECISION), "run image-harness sign-off --key"
        raise HarnessError("it is not the decision of a sign-off", where=where, fix=fix)
    return decision


def _materials(folder: Folder, claims: Claims) -> bytes:
    """The bill of materials, if it is the one that was signed for."""
    materials, named = folder.read(files.SBOM), claims.predicate.materials.get(files.SBOM)
    if digest_of(materials) != named:
        where, fix = str(folder.path / files.SBOM), "run image-harness sign-off --key"
        what = f"the file was altered: the statement names {named or 'none'}, this is {digest_of(materials)}"
        raise HarnessError(what, where=where, fix=fix)
    return materials
