"""The type of what rooms add their commands to."""

from __future__ import annotations

import argparse
from typing import TypeAlias

#: What ``add_subparsers`` returns; argparse has no public name for it.
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001
