#!/usr/bin/env python3
"""Cross-builds the monitor's image for linux/arm64; `--help` says how. Needs nothing but Python 3.11 and an engine."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from monitor_build.cli import main  # noqa: E402 - only now can it be found

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], HERE.parent))
