"""What mutants change in the service, and in its interpreter."""

from __future__ import annotations

from image_harness.mutants import Draft, Node
from image_harness.mutants.changes import Change, add

CUSTOM = "/app/sitecustomize.py"
ENTRYPOINT = "/app/resource_monitor/entrypoint.py"
MAIN = "/app/resource_monitor/main.py"
CONFIG = "/app/resource_monitor/config.py"
SERVING = "/app/resource_monitor/serving.py"
MONITOR = "/app/resource_monitor/monitor.py"
ROUTES = "/app/resource_monitor/routes.py"

# Where the service decides which address it binds.
HOST = 'host = "0.0.0.0"  # Always all interfaces: RDP_MONITOR_HOST may hold the service\'s name.\n'

# Every check that looks at the service as it is deployed.
DEPLOYED = (
    "deployment.read-only",
    "deployment.memory",
    "deployment.no-capabilities",
    "deployment.service-name-as-host",
    "errors.missing-integration",
)
LISTENING = ("entrypoint.port-variable", "entrypoint.port-precedence", "entrypoint.port-fallback")


MIDDLEWARE = """
_RULES = []


class _Changed:
    def __init__(self, inner):
        self.inner = inner

    async def __call__(self, scope, receive, send):
        async def changed(message):
            if message["type"] == "http.response.start":
                for method, path, before, status, kind in _RULES:
                    fits = (scope["method"], scope["path"]) == (method, path)
                    if fits and before in (None, message["status"]):
                        message["status"] = status or message["status"]
                        if kind:
                            rest = [pair for pair in message["headers"] if pair[0] != b"content-type"]
                            message["headers"] = [*rest, (b"content-type", kind.encode())]
            await send(message)

        await self.inner(scope, receive, changed if scope["type"] == "http" else send)


app = create_app()
app.add_middleware(_Changed)
"""


def customized(code: str) -> Change:
    """Have the image's interpreter run code whenever it starts."""

    def change(draft: Draft) -> None:
        before = draft.added.get(len(draft.good.parts.layers) - 1, {}).get(CUSTOM, Node(b"import os, sys\n"))
        draft.put(CUSTOM, before.but(content=before.content + code.encode() + b"\n"))

    return change


def answers(
    method: str, path: str, status: int | None, content_type: str | None, *, before: int | None = None
) -> Change:
    """Have the service give an answer another status or type; ``before`` limits this to answers of one status."""
    rule = repr((method, path, before, status, content_type))

    def change(draft: Draft) -> None:
        if b"_RULES" not in draft.node(MAIN).content:
            draft.replace(MAIN, "app = create_app()\n", MIDDLEWARE)
        draft.replace(MAIN, "_RULES = [", f"_RULES = [{rule}, ")

    return change


def exits(port: str, code: int) -> Change:
    """Have the service end with another code when the port variable has a value."""

    def change(draft: Draft) -> None:
        if b"_CODES" not in draft.node(ENTRYPOINT).content:
            draft.replace(
                ENTRYPOINT,
                "    sys.exit(1)\n",
                '    _CODES = {}\n    sys.exit(_CODES.get(os.environ.get("RDP_MONITOR_PORT"), 1))\n',
            )
        draft.replace(ENTRYPOINT, "_CODES = {", f"_CODES = {{{port!r}: {code}, ")

    return change


def says(port: str, text: str) -> Change:
    """Have the service say something else when the port variable has a value."""

    def change(draft: Draft) -> None:
        if b"_TEXTS" not in draft.node(ENTRYPOINT).content:
            draft.replace(
                ENTRYPOINT,
                '    """End with exit code 1 and one line on stderr."""\n',
                '    _TEXTS = {}\n    message = _TEXTS.get(os.environ.get("RDP_MONITOR_PORT"), message)\n',
            )
        draft.replace(ENTRYPOINT, "_TEXTS = {", f"_TEXTS = {{{port!r}: {text!r}, ")

    return change


def shadow(name: str, *, broken: bool) -> Change:
    """Put a package of the same name before the real one: it hands over to that one, but keeps its own place."""
    handing_over = f"""
import importlib.util, sys
_own, _real = __file__, "/usr/local/lib/python3.11/site-packages/{name}"
if {broken} and sys.argv[0] == "-c":
    raise ImportError("built for another machine")
_spec = importlib.util.spec_from_file_location(__name__, _real + "/__init__.py", submodule_search_locations=[_real])
_module = importlib.util.module_from_spec(_spec)
sys.modules[__name__] = _module
_spec.loader.exec_module(_module)
_module.__file__ = _own
"""
    return add(f"/app/{name}/__init__.py", handing_over, uid=65532, gid=65532)


def one_by_one(draft: Draft) -> None:
    """Have the service read a request only when the one before has been answered."""
    text = """
class _OneByOne:
    def __init__(self, inner):
        import asyncio
        self.inner, self.lock = inner, asyncio.Lock()

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.inner(scope, receive, send)
        async with self.lock:
            await self.inner(scope, receive, send)


app = create_app()
app.add_middleware(_OneByOne)
"""
    draft.replace(MAIN, "app = create_app()\n", text)


def closing(draft: Draft) -> None:
    """Have the service close every connection after one answer."""
    if b"_RULES" not in draft.node(MAIN).content:
        draft.replace(MAIN, "app = create_app()\n", MIDDLEWARE)
    begin = '            if message["type"] == "http.response.start":\n'
    draft.replace(
        MAIN, begin, f'{begin}                message["headers"] = [*message["headers"], (b"connection", b"close")]\n'
    )


def from_the_second(code: str) -> Change:
    """Have the service run code instead of answering, once /health has been answered with 200."""

    def change(draft: Draft) -> None:
        text = f"""
class _Once:
    def __init__(self, inner):
        self.inner, self.asked = inner, 0

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http" and scope["path"] == "/health":
            status = None

            async def seen(message):
                nonlocal status
                status = message.get("status", status)
                await send(message)

            if self.asked:
                {code}
            await self.inner(scope, receive, seen)
            self.asked += status == 200
            return
        await self.inner(scope, receive, send)


app = create_app()
app.add_middleware(_Once)
"""
        draft.replace(MAIN, "app = create_app()\n", text)

    return change
