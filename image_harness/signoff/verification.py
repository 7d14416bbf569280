"""Answers ``image-harness verify``: gathers keys, policy, design and statements, and has them judged."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from image_harness.design import load_design
from image_harness.errors import HarnessError
from image_harness.signoff import files
from image_harness.signoff.bundle import Bundle
from image_harness.signoff.claims import Claims
from image_harness.signoff.errors import NotVerifiedError
from image_harness.signoff.files import Folder
from image_harness.signoff.keys import PublicKey
from image_harness.signoff.platforms import blobs_of, platform_manifest
from image_harness.signoff.policy import Identity, Policy, load_policy
from image_harness.signoff.referrers import Attached, find_statements
from image_harness.signoff.registry import Registry, digest_of
from image_harness.signoff.repository import RegistryImage
from image_harness.signoff.verify import Trust, Verified, verify
from image_harness.types import Digest


@dataclass(frozen=True, slots=True)
class Question:
    """Whether an image is signed off.

    Attributes:
        image: ``IMAGE@DIGEST``.
        keys: Public keys, on top of the policy's.
        identities: Signers without a key, on top of the policy's.
        policy: The policy's file; None for the defaults.
        folder: What sign-off wrote, to be read instead of a registry.
        content: Whether to read the image's layers and configuration too, and compare their digests.
    """

    image: str
    keys: tuple[Path, ...]
    identities: tuple[Identity, ...]
    policy: Path | None
    folder: Path | None
    content: bool = True


def ask(question: Question, *, now: datetime, say: Callable[[str], None]) -> Verified:
    """Answer a question.

    Args:
        question: What is asked.
        now: The time.
        say: Told what is going on.

    Raises:
        NotVerifiedError: The image is not signed off; says why.
        HarnessError: A file or the registry cannot be read.
    """
    policy = load_policy(question.policy) if question.policy else Policy()
    keys = tuple(PublicKey.load(path) for path in (*question.keys, *policy.keys))
    identities = (*question.identities, *policy.identities)
    if not keys and not identities:
        fix = "name a key with --key or --identity and --issuer, or keys or identities in a policy"
        raise HarnessError("nobody is trusted to sign", where="--key", fix=fix)
    digest, found = _found(question, say)
    design = load_design(policy.design) if policy.design else None
    verified = verify(digest, found, Trust(keys, identities), policy, design=design, now=now)
    if question.folder is not None:
        _check_files(verified.claims, question.folder)
        _check_copies(found, Folder(question.folder))
    return verified


def _found(question: Question, say: Callable[[str], None]) -> tuple[Digest, list[Attached]]:
    if question.folder is not None:
        digest = Digest(question.image.rpartition("@")[2])
        return digest, [_stored(Folder(question.folder))]
    image = RegistryImage.parse(question.image)
    with Registry(image.repository) as registry:
        subject = platform_manifest(registry, image.digest)
        if question.content:
            blobs = blobs_of(subject)
            say(f"reading the image: manifest, configuration and {len(blobs) - 1} layers")
            for digest in blobs:
                registry.check_blob(digest)
        return subject.digest, list(find_statements(registry, subject.digest))


def _check_files(claims: Claims, folder: Path) -> None:
    """Hold the files beside a statement against the digests that it names them by; one may be gone, but not another."""
    for name, digest in claims.predicate.materials.items():
        path = folder / name
        if Path(name).name == name and path.is_file() and digest_of(path.read_bytes()) != digest:
            raise NotVerifiedError(f"the file was altered: the statement names {digest}", where=str(path))


def _check_copies(found: Iterable[Attached], folder: Folder) -> None:
    """Hold the files that repeat what the bundle holds against it; one may be gone, but not another."""
    for envelope in (attached.envelope for attached in found if attached.envelope is not None):
        for name, content in ((files.STATEMENT, envelope.payload), (files.ENVELOPE, envelope.to_bytes())):
            if (folder.path / name).is_file() and folder.read(name) != content:
                what = f"the file was altered: {files.BUNDLE} holds another"
                raise NotVerifiedError(what, where=str(folder.path / name))


def _stored(folder: Folder) -> Attached:
    where = str(folder.path / files.BUNDLE)
    try:
        packed = Bundle.parse(folder.read(files.BUNDLE), where)
    except NotVerifiedError as error:
        return Attached(where, None, damage=error)
    return Attached(where, packed.envelope, packed)
