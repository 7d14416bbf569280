from __future__ import annotations
from pathlib import Path
import pytest
from tests.faults.conftest import Ground
from tests.faults.proxy import Proxy
from tests.faults.runs import Run


@pytest.mark.parametrize("kind", ["good", "bad"])
@pytest.mark.parametrize(
    "checks",
    ["checks/test_image.py", "checks/test_shared.py", "checks/test_apart.py", "checks/test_scenarios.py", "checks"],
)
def test_a(ground: Ground, tmp_path: Path, kind: str, checks: str) -> None:
    small = getattr(ground, kind)
    with Proxy(ground.socket, tmp_path / "e.sock") as p:
        o = Run(small.repository, p.url, tmp_path / "run", [checks]).wait(ground.engine)
    print(o.output)
    print(o.seconds, o.exit_code, o.left)
    for k in o.status:
        print(k, o.status[k], o.messages[k])
    for k, v in sorted(p.calls.items()):
        print(v, k)
