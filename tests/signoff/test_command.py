from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from image_harness.cli import main
from image_harness.signoff import files
from image_harness.signoff.bundle import Bundle
from image_harness.signoff.command import tell_outcome
from image_harness.signoff.envelope import Envelope
from image_harness.signoff.keys import PrivateKey
from image_harness.signoff.procedure import Outcome
from image_harness.signoff.refusal import Allowance, Allowed, Decision, Refusal
from tests.report.generate import digest
from tests.signoff.made import IMAGE, STAND_IN, good_run, statement

DESIGNS = Path(__file__).parents[2] / "designs"
OTHER = f"x@{digest('another')}"


@pytest.fixture
def public_key(key: PrivateKey, tmp_path: Path) -> Path:
    path = tmp_path / "cosign.pub"
    pem, kind = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    path.write_bytes(key.public.key.public_bytes(pem, kind))
    return path


@pytest.fixture
def folder(key: PrivateKey, tmp_path: Path) -> Path:
    """What a sign-off has written."""
    out = tmp_path / "out"
    out.mkdir()
    envelope = Envelope.sign(statement(allowed=[STAND_IN], signed=datetime.now(UTC)), key)
    (out / files.BUNDLE).write_bytes(Bundle.of_key(envelope, key.public).data)
    return out


def test_what_sign_off_wrote_is_verified_without_a_registry(
    folder: Path, public_key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["verify", f"x@{IMAGE}", "--key", str(public_key), "--from", str(folder)]
    assert main(asked) == 0
    assert "verified: x@sha256:" in capsys.readouterr().out

    assert main([*asked, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["verified"] is True
    assert document["result"] == "WARNED"
    assert document["allowed"][0]["id"] == "bases.stand-in"

    assert main([*asked, "-q"]) == 0
    assert capsys.readouterr().out == ""


def test_the_files_beside_a_statement_must_be_those_that_it_names(
    folder: Path, public_key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["verify", f"x@{IMAGE}", "--key", str(public_key), "--from", str(folder)]
    (folder / files.REPORT).write_text("another report")

    assert main(asked) == 2
    assert (
        f"{folder}/report.json: the file was altered: the statement names {digest('report')}" in capsys.readouterr().err
    )


@pytest.mark.parametrize("name", [files.STATEMENT, files.ENVELOPE])
def test_the_files_beside_a_bundle_must_be_what_it_holds(
    name: str, folder: Path, public_key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["verify", f"x@{IMAGE}", "--key", str(public_key), "--from", str(folder)]
    envelope = Bundle.parse((folder / files.BUNDLE).read_bytes(), "here").envelope
    (folder / files.STATEMENT).write_bytes(envelope.payload)
    (folder / files.ENVELOPE).write_bytes(envelope.to_bytes())
    assert main(asked) == 0

    (folder / name).write_bytes(statement())
    assert main(asked) == 2
    assert f"{folder}/{name}: the file was altered: {files.BUNDLE} holds another" in capsys.readouterr().err


def test_what_is_not_verified_is_one_line_and_exit_code_2(
    folder: Path, public_key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", OTHER, "--key", str(public_key), "--from", str(folder)]) == 2

    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert "the statement is about" in printed.err


def test_a_script_is_told_the_problem_as_json(
    folder: Path, public_key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", OTHER, "--key", str(public_key), "--from", str(folder), "--json"]) == 2

    document = json.loads(capsys.readouterr().out)
    assert document["verified"] is False
    assert "the statement is about" in document["problem"]


def test_a_policy_names_keys_and_design(folder: Path, public_key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy = public_key.with_name("policy.yaml")
    asked = ["verify", f"x@{IMAGE}", "--policy", str(policy), "--from", str(folder)]
    policy.write_text("keys: [cosign.pub]\n")
    assert main(asked) == 0

    policy.write_text("keys: [cosign.pub]\nallow: []\n")
    assert main(asked) == 2
    assert "let through what the policy does not: bases.stand-in (none in reach)" in capsys.readouterr().err

    policy.write_text(f"keys: [cosign.pub]\ndesign: {DESIGNS / 'rdp-monitor.yaml'}\n")
    assert main(asked) == 2
    assert "held against another design" in capsys.readouterr().err


def test_somebody_must_be_trusted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", f"x@{IMAGE}", "--from", str(folder)]) == 2
    assert "nobody is trusted to sign; name a key with --key" in capsys.readouterr().err


def test_an_identity_is_named_with_its_issuer(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["verify", f"x@{IMAGE}", "--from", str(folder), "--identity", "https://github.com/lucid/release.yml"]
    assert main(asked) == 2
    assert "--identity and --issuer: only one of the two is given" in capsys.readouterr().err
    assert main([*asked, "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["verified"] is False

    assert main([*asked, "--issuer", "https://token.actions.githubusercontent.com"]) == 2
    assert "signed with a key, and no key is trusted" in capsys.readouterr().err


def test_a_review_is_noted_beside_the_design(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("family.yaml", "rdp-monitor.yaml"):
        shutil.copy(DESIGNS / name, tmp_path)

    assert main(["review", str(tmp_path / "rdp-monitor.yaml"), "--note", "against the report"]) == 0
    assert "rdp-monitor sha256:" in capsys.readouterr().out
    lock = (tmp_path / "reviewed.lock").read_text()
    assert '[design."rdp-monitor"]' in lock
    assert 'note = "against the report"' in lock


@pytest.mark.parametrize(
    ("decision", "words"),
    [
        ({"decision": "refused", "signed": False}, "nothing to attach: the image was refused"),
        ({"decision": "signed-off", "signed": False}, "nothing to attach: the statement is not signed"),
    ],
)
def test_what_is_not_signed_off_is_not_attached(
    decision: dict[str, object], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / files.DECISION).write_text(json.dumps(decision))

    assert main(["attach", str(tmp_path), f"127.0.0.1:1/a@{IMAGE}"]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000])
def test_a_decision_that_is_none_is_told_in_one_line(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / files.DECISION).write_bytes(content)

    assert main(["attach", str(tmp_path), f"127.0.0.1:1/a@{IMAGE}"]) == 2
    assert f"{tmp_path}/sign-off.json: it is not the decision of a sign-off; run" in capsys.readouterr().err


def test_a_folder_without_a_sign_off_is_not_attached(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["attach", str(tmp_path), f"127.0.0.1:1/a@{IMAGE}"]) == 2
    assert "name the folder that image-harness sign-off wrote" in capsys.readouterr().err


def test_a_refusal_lists_its_reasons_in_order_and_ends_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reasons = (Refusal("image.changed", "another", allowable=False), Refusal("bases.stand-in", "not upstream"))
    decision = Decision(reasons, unused=(Allowance("source.dirty", "x"),))

    assert tell_outcome(Outcome(decision, good_run(), IMAGE, signed=False), tmp_path, quiet=True) == 1
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        f"refused: {IMAGE} may not ship, 2 reasons:",
        "   1. image.changed: another (cannot be allowed)",
        "   2. bases.stand-in: not upstream",
    ]
    assert printed.err == "sign-off: nothing to allow: source.dirty was not found\n"


def test_a_sign_off_tells_what_it_let_through_and_whether_it_is_signed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    decision = Decision((), (Allowed(Refusal("bases.stand-in", "not upstream"), "none in reach"),))

    assert tell_outcome(Outcome(decision, good_run(), IMAGE, signed=True), tmp_path, quiet=False) == 0
    assert capsys.readouterr().out.splitlines() == [
        "allowed: bases.stand-in: not upstream - none in reach",
        f"signed off: {IMAGE}",
        f"written to {tmp_path}",
    ]
    tell_outcome(Outcome(Decision(()), good_run(), IMAGE, signed=False), tmp_path, quiet=False)
    assert f"signed off: {IMAGE}, not signed: no --key and not --keyless" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--allow", "bases.stand-in"], "--allow: not a reason's id and the grounds"),
        (["--key", "/nowhere"], "/nowhere: cannot read the key"),
        (["--source", "/nowhere"], "/nowhere/conftest.py: there is no such file"),
    ],
)
def test_a_mistake_is_told_before_anything_slow(
    arguments: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sign-off", "--out", str(tmp_path / "out"), *arguments]) == 2

    printed = capsys.readouterr()
    assert words in printed.err
    assert printed.err.count("\n") == 1
    assert not (tmp_path / "out").exists()
