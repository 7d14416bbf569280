#!/usr/bin/env python3
# -*- coding: utf-8 -*-  # noqa: UP009 - the design asks for it
"""Starts the RDP resource monitor in its container: UTF-8, no shell, no arguments.

The port comes from RDP_MONITOR_PORT, else from MONITOR_PORT. Exit code 0 after SIGTERM or SIGINT; 1, with one line on
stderr, when the configuration is wrong or the port cannot be had.
"""

import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

APPLICATION = "resource_monitor.main:app"
SITE_PACKAGES = f"/usr/local/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
HIGHEST_PORT = 65535


def prepare_path() -> None:
    """Find the service and its packages without PYTHONPATH, and keep this folder's modules from shadowing others'."""
    here = Path(__file__).resolve().parent
    root = str(here.parent)
    sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != here]
    if root not in sys.path:
        sys.path.insert(0, root)
    if SITE_PACKAGES not in sys.path:
        sys.path.append(SITE_PACKAGES)


def end_at_once() -> None:
    """Have SIGTERM and SIGINT end the process while there is nothing yet to shut down."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))


def parse_port(text: str) -> int:
    """Read a TCP port.

    Raises:
        ValueError: It is not one. ``int`` alone would also take blanks, signs, underscores and other digits.
    """
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(HIGHEST_PORT)):
        raise ValueError(text)
    port = int(text)
    if not 1 <= port <= HIGHEST_PORT:
        raise ValueError(text)
    return port


def fail(message: str) -> NoReturn:
    """End with exit code 1 and one line on stderr."""
    print(message, file=sys.stderr, flush=True)
    sys.exit(1)


def read_port() -> int:
    """Read the port from the environment, or end."""
    port_str = os.getenv("RDP_MONITOR_PORT", os.getenv("MONITOR_PORT", "8093"))
    try:
        return parse_port(port_str)
    except ValueError:
        variable = "RDP_MONITOR_PORT" if "RDP_MONITOR_PORT" in os.environ else "MONITOR_PORT"
        shown = port_str if port_str.isprintable() and port_str.strip() else repr(port_str)
        fail(
            f"ERROR: Invalid RDP_MONITOR_PORT/MONITOR_PORT value: {shown} "
            f"({variable} allows a whole number from 1 to {HIGHEST_PORT})"
        )


def main() -> None:
    """Run the service until a signal comes."""
    port = read_port()
    host = "0.0.0.0"  # Always all interfaces: RDP_MONITOR_HOST may hold the service's name.

    # Imported once the path is right, the light ones first: a wrong configuration is told before the rest is loaded.
    from common.logs import configure_logging  # noqa: PLC0415
    from resource_monitor.config import load_settings  # noqa: PLC0415
    from resource_monitor.yaml_file import ConfigurationError  # noqa: PLC0415

    try:
        settings = load_settings()
    except ConfigurationError as error:
        fail(str(error))
    configure_logging(settings.log_level, settings.secrets)

    from resource_monitor.serving import bind, serve  # noqa: PLC0415

    try:
        listener = bind(host, port)
    except OSError as error:
        fail(f"ERROR: Cannot listen on port {port}: {error.strerror} (choose another one with RDP_MONITOR_PORT)")
    sys.exit(0 if serve(APPLICATION, listener, access_log=settings.log_level == "DEBUG") else 1)


if __name__ == "__main__":
    prepare_path()
    end_at_once()
    main()
