"""Log lines on stdout: one line per event, and no secret in any of them."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Collection

_REPLACEMENT = "***"
# Below this many characters a secret is part of ordinary words, and replacing it would only spoil the line.
_SHORTEST_SECRET = 3


class OneLineFormatter(logging.Formatter):
    """Formats a record, its traceback included, as one line without the secrets that it was told of."""

    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self, secrets: Collection[str] = ()) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self.converter = time.gmtime
        # Longest first: a secret may be a part of another one.
        self._secrets = sorted((s for s in secrets if len(s) >= _SHORTEST_SECRET), key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        """Format the record as one line."""
        line = " | ".join(part for part in super().format(record).splitlines() if part.strip())
        for secret in self._secrets:
            line = line.replace(secret, _REPLACEMENT)
        return line


def configure_logging(level: str, secrets: Collection[str] = ()) -> None:
    """Send all log records of the process to stdout, one line each.

    Args:
        level: The lowest level that is written, by its name.
        secrets: Texts that are replaced wherever they turn up.
    """
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(OneLineFormatter(secrets))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # A warning would go to stderr, over several lines, and may quote the option of a URL.
    logging.captureWarnings(capture=True)
    # Client libraries tell each request with its whole URL at INFO and below.
    for chatty in ("httpx", "httpcore", "pymongo", "redis", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
