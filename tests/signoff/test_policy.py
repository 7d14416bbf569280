from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from image_harness.errors import HarnessError
from image_harness.signoff.policy import Identity, Policy, load_policy

WHOLE = """
max_age: 12h
keys: [cosign.pub]
identities:
  - subject: https://github.com/lucid/images/.github/workflows/release.yml@refs/heads/main
    issuer: https://token.actions.githubusercontent.com
design: designs/rdp-monitor.yaml
allow: [bases.stand-in]
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "policy.yaml"
    path.write_text(text)
    return path


def test_files_are_relative_to_the_policy(tmp_path: Path) -> None:
    policy = load_policy(written(tmp_path, WHOLE))

    assert policy.max_age == timedelta(hours=12)
    assert policy.keys == (tmp_path / "cosign.pub",)
    assert policy.design == tmp_path / "designs/rdp-monitor.yaml"
    assert policy.allow == ("bases.stand-in",)
    assert policy.identities == (
        Identity(
            subject="https://github.com/lucid/images/.github/workflows/release.yml@refs/heads/main",
            issuer="https://token.actions.githubusercontent.com",
        ),
    )


def test_an_empty_policy_asks_for_the_defaults(tmp_path: Path) -> None:
    assert load_policy(written(tmp_path, "")) == Policy()
    assert Policy().max_age == timedelta(days=30)
    assert Policy().allow is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("max_age: 30", "max_age: write hours or days as 12h or 30d"),
        ("max_age: 3 weeks", "max_age: write hours or days"),
        ("maxage: 30d", "maxage: Extra inputs are not permitted"),
        ("identities: [{subject: a}]", r"identities\.0\.issuer: Field required"),
        ("- a", "policy.yaml:1: a policy is a mapping of keys to values"),
        ("max_age: 30d\nmax_age: 90d", "policy.yaml:2: the key 'max_age' stands here a second time"),
        ("max_age: !!int x", "max_age: write hours or days"),
        ("max_age: 2026-99-99", "max_age: write hours or days"),
        ("a: [", "not YAML"),
        ("allow: bases.stand-in", "allow: "),
    ],
)
def test_a_mistake_names_file_and_key(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=words) as caught:
        load_policy(written(tmp_path, text))
    assert "policy.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_policy_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"none\.yaml: cannot be read: No such file"):
        load_policy(tmp_path / "none.yaml")
