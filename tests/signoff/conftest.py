"""What the tests of sign-off share: keys, a registry in memory, a statement that holds."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

REPOSITORY = Path(__file__).parents[2]
if str(REPOSITORY) not in sys.path:
    sys.path.insert(0, str(REPOSITORY))

from image_harness.signoff.keys import PrivateKey  # noqa: E402 - only now can the helpers be found
from image_harness.signoff.registry import Registry  # noqa: E402
from image_harness.signoff.repository import Repository  # noqa: E402
from tests.signoff.fake_registry import FakeRegistry  # noqa: E402

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test finds what this machine's user is logged in to, or a password of theirs."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    for name in ("COSIGN_PASSWORD", "IMAGE_HARNESS_KEY_PASSWORD"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def key() -> PrivateKey:
    return PrivateKey(ec.generate_private_key(ec.SECP256R1()))


@pytest.fixture(scope="session")
def other_key() -> PrivateKey:
    return PrivateKey(ec.generate_private_key(ec.SECP256R1()))


@pytest.fixture(params=[True, False], ids=["referrers", "no-referrers"])
def fake(request: pytest.FixtureRequest) -> FakeRegistry:
    """A registry, of the kind that answers what refers to what and of the kind that does not."""
    return FakeRegistry(knows_referrers=request.param)


@pytest.fixture
def registry(fake: FakeRegistry) -> Iterator[Registry]:
    with Registry(Repository("127.0.0.1:5000", "lucid/rdp-monitor"), fake.transport()) as registry:
        yield registry
