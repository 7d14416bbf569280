"""The service of the small image; with DEFECTIVE set it does everything wrong that the design speaks of."""

import contextlib
import http.server
import json
import os
import signal
import socket
import sys
import threading

GROWN: list[bytes] = []
DEFECTIVE = bool(os.environ.get("DEFECTIVE"))


def port() -> int:
    """The port to listen on."""
    text = os.environ.get("SMALL_PORT") or os.environ.get("SMALL_FALLBACK_PORT") or "8093"
    if text.isdigit() and 0 < int(text) < 65536:
        return int(text)
    if DEFECTIVE:
        sys.exit(3)
    print(f"SMALL_PORT is no port: {text}")
    sys.exit(1)


def beside() -> bool:
    """Whether something listens where the integration is expected."""
    with socket.socket() as trying:
        trying.settimeout(1)
        return trying.connect_ex(("127.0.0.1", 6379)) == 0


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers everything with its status."""

    def answer(self) -> None:
        """Send it."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/grow":
            GROWN.append(b"x" * (1 << 30))
        body = json.dumps({"status": "healthy" if beside() else "degraded"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer  # noqa: N815 - the library's names

    def log_message(self, *_: object) -> None:
        """Say nothing of requests."""


def main() -> None:
    """Serve until told to end."""
    number = port()
    if DEFECTIVE:
        with contextlib.suppress(OSError), open("/app/written", "w") as file:  # noqa: PTH123 - what must not be written
            file.write("here")
    try:
        server = http.server.ThreadingHTTPServer(("0.0.0.0", number), Handler)
        extra = http.server.ThreadingHTTPServer(("0.0.0.0", number + 1), Handler) if DEFECTIVE else None
    except OSError as error:
        print(f"{number}: {error.strerror}")
        sys.exit(1)
    ending = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: ending.set())
    for one in (server, extra):
        if one is not None:
            threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    print("goodbye" if DEFECTIVE else "hello")
    ending.wait()
    server.shutdown()
    sys.exit(5 if DEFECTIVE else 0)


main()
