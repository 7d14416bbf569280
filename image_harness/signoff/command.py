"""The commands ``sign-off``, ``review``, ``attach`` and ``verify``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from image_harness.commands import Commands
from image_harness.errors import HarnessError

if TYPE_CHECKING:
    from image_harness.signoff.policy import Identity
    from image_harness.signoff.procedure import Outcome
    from image_harness.signoff.verify import Verified

_REFUSED: Final = 1


def add_parsers(commands: Commands) -> None:
    """Add the commands."""
    _add_sign_off(commands)
    _add_review(commands)
    _add_attach(commands)
    _add_verify(commands)


def _add_sign_off(commands: Commands) -> None:
    parser = commands.add_parser("sign-off", help="check everything, decide whether the image may ship, and sign that")
    parser.add_argument("--image", metavar="[TRANSPORT:]REF", help="the image; the design's own in the engine if none")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where reports and statement go")
    signer = parser.add_mutually_exclusive_group()
    signer.add_argument("--key", type=Path, metavar="FILE", help="sign with this key (PEM, or cosign.key)")
    signer.add_argument("--keyless", action="store_true", help="sign with this CI job's identity (Sigstore)")
    parser.add_argument(
        "--allow",
        action="append",
        default=[],
        metavar="ID=WHY",
        help="let one reason for refusal through, on grounds that the statement repeats",
    )
    parser.add_argument("--engine", default="docker", metavar="docker|podman|URL", help="as DOCKER_HOST takes it")
    parser.add_argument("--source", type=Path, default=Path(), metavar="DIR", help="the image's repository")
    parser.add_argument("-q", "--quiet", action="store_true", help="print refusals and errors only")
    parser.set_defaults(action=_sign_off)


def _add_review(commands: Commands) -> None:
    parser = commands.add_parser("review", help="note in reviewed.lock that a design was read and found right")
    parser.add_argument("design", type=Path, metavar="FILE", help="the design")
    parser.add_argument("--note", default="", help="what there is to say about it")
    parser.set_defaults(action=_review)


def _add_attach(commands: Commands) -> None:
    parser = commands.add_parser("attach", help="attach a sign-off to the image in a registry")
    parser.add_argument("folder", type=Path, metavar="DIR", help="what sign-off wrote")
    parser.add_argument("image", metavar="IMAGE@DIGEST", help="the image in the registry")
    parser.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    parser.set_defaults(action=_attach)


def _add_verify(commands: Commands) -> None:
    parser = commands.add_parser("verify", help="check that an image in a registry is signed off")
    parser.add_argument("image", metavar="IMAGE@DIGEST", help="the image")
    parser.add_argument(
        "--key", type=Path, action="append", default=[], metavar="FILE", help="a signer's key: cosign.pub"
    )
    parser.add_argument("--identity", metavar="SUBJECT", help="a signer without a key, such as a workflow's URL")
    parser.add_argument("--issuer", metavar="URL", help="who vouches for the identity")
    parser.add_argument("--policy", type=Path, metavar="FILE", help="what the sign-off must be like (YAML)")
    parser.add_argument("--from", dest="folder", type=Path, metavar="DIR", help="read what sign-off wrote, no registry")
    parser.add_argument("--no-content", action="store_true", help="do not read the image's layers")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    parser.set_defaults(action=_verify)


def _teller(command: str, *, quiet: bool) -> Callable[[str], None]:
    def say(text: str) -> None:
        if not quiet:
            print(f"{command}: {text}", file=sys.stderr, flush=True)

    return say


def _sign_off(options: argparse.Namespace) -> int:
    from image_harness.introduction import subject_of  # noqa: PLC0415 - other commands need none of this
    from image_harness.signoff.files import Folder  # noqa: PLC0415
    from image_harness.signoff.keys import PrivateKey  # noqa: PLC0415
    from image_harness.signoff.procedure import Request, sign_off  # noqa: PLC0415
    from image_harness.signoff.refusal import parse_allowances  # noqa: PLC0415

    request = Request(
        subject=subject_of(options.source.resolve()),
        image=options.image,
        engine=options.engine,
        out=Folder(options.out.absolute()),
        allowances=parse_allowances(options.allow),
        key=PrivateKey.load(options.key) if options.key else None,
        keyless=options.keyless,
        quiet=options.quiet,
    )
    outcome = sign_off(request, _teller("sign-off", quiet=options.quiet))
    return tell_outcome(outcome, options.out, quiet=options.quiet)


def tell_outcome(outcome: Outcome, out: Path, *, quiet: bool) -> int:
    """Tell how a sign-off ended; gives the exit code."""
    decision = outcome.decision
    for allowance in decision.unused:
        print(f"sign-off: nothing to allow: {allowance.id} was not found", file=sys.stderr)
    if not decision.may_ship:
        count = len(decision.refused)
        print(
            f"refused: {outcome.digest or 'the image'} may not ship, {count} {'reason' if count == 1 else 'reasons'}:"
        )
        for number, refusal in enumerate(decision.refused, start=1):
            print(f"{number:4}. {refusal}{'' if refusal.allowable else ' (cannot be allowed)'}")
        return _REFUSED
    if not quiet:
        for item in decision.allowed:
            print(f"allowed: {item.refusal} - {item.why}")
        print(f"signed off: {outcome.digest}{'' if outcome.signed else ', not signed: no --key and not --keyless'}")
        print(f"written to {out}")
    return 0


def _review(options: argparse.Namespace) -> int:
    from image_harness.design import load_design  # noqa: PLC0415
    from image_harness.signoff.reviews import FILE_NAME, Review, write_review  # noqa: PLC0415

    design, lock = load_design(options.design), options.design.parent / FILE_NAME
    write_review(lock, design.name, Review(design.digest, date.today(), options.note))  # noqa: DTZ011 - a person's day
    print(f"{lock}: {design.name} {design.digest}")
    return 0


def _attach(options: argparse.Namespace) -> int:
    from image_harness.signoff.attachment import attach_sign_off  # noqa: PLC0415
    from image_harness.signoff.files import Folder  # noqa: PLC0415
    from image_harness.signoff.registry import Registry  # noqa: PLC0415
    from image_harness.signoff.repository import RegistryImage  # noqa: PLC0415

    image = RegistryImage.parse(options.image)
    with Registry(image.repository) as registry:
        attached = attach_sign_off(registry, image.digest, Folder(options.folder))
    if not options.quiet:
        for line in attached:
            print(line)
    return 0


def _verify(options: argparse.Namespace) -> int:
    from image_harness.signoff.verification import Question, ask  # noqa: PLC0415

    try:
        identities = _identities(options)
        question = Question(
            options.image, tuple(options.key), identities, options.policy, options.folder, not options.no_content
        )
        verified = ask(question, now=datetime.now(UTC), say=_teller("verify", quiet=options.quiet))
    except HarnessError as error:
        if options.json:
            print(json.dumps({"verified": False, "image": options.image, "problem": str(error)}))
        raise
    if options.json:
        print(json.dumps(_document(options.image, verified)))
    elif not options.quiet:
        _tell_verified(options.image, verified)
    return 0


def _identities(options: argparse.Namespace) -> tuple[Identity, ...]:
    from image_harness.signoff.policy import Identity  # noqa: PLC0415

    if (options.identity is None) != (options.issuer is None):
        fix = "name both: an identity is worth what its issuer is"
        raise HarnessError("only one of the two is given", where="--identity and --issuer", fix=fix)
    return (Identity(subject=options.identity, issuer=options.issuer),) if options.identity else ()


def _document(image: str, verified: Verified) -> dict[str, object]:
    predicate = verified.claims.predicate
    return {
        "verified": True,
        "image": image,
        "found": verified.where,
        "result": predicate.result,
        "signed": predicate.signed.isoformat(),
        "requirements": predicate.sign_off.requirements,
        "allowed": [item.model_dump() for item in predicate.sign_off.allowed],
    }


def _tell_verified(image: str, verified: Verified) -> None:
    print(f"verified: {image}")
    _print_lines([f"found in {verified.where}", *verified.checks])
    for item in verified.claims.predicate.sign_off.allowed:
        print(f"  let through: {item.id}: {item.finding} - {item.reason}")


def _print_lines(lines: Sequence[str]) -> None:
    for line in lines:
        print(f"  {line}")
