from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import pytest

from image_harness.engine import EngineError
from image_harness.engine.toolbox.toolbox import Toolbox


@pytest.mark.parametrize("pid", [os.getpid(), 0, 1 << 30], ids=["another process", "none", "elsewhere"])
def test_a_container_that_is_not_on_this_machine_is_refused(pid: int) -> None:
    container: Any = SimpleNamespace(id="f" * 64, name="box", inspect=lambda: {"State": {"Pid": pid}})
    message = "box: tools reach containers on this machine only"
    with pytest.raises(EngineError, match=message), Toolbox.open(container, architecture="arm64"):
        pass
