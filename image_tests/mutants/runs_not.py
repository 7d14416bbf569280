"""A service that does not start, or does not stay."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from image_harness.design import Design
from image_harness.mutants import Draft, Good, Mutant, behaviour
from image_harness.mutants.changes import edit, replaced, swapped
from image_tests.mutants._service import ENTRYPOINT, MAIN, ROUTES, from_the_second

LOAD = ("interface.keep-alive", "interface.concurrent", "interface.slow-client")
# What /health sends from the second request on.
REFUSAL = """
                head = {"type": "http.response.start", "status": 500}
                await send({**head, "headers": [(b"content-type", b"application/json")]})
                await send({"type": "http.response.body", "body": b"{}"})
                return
"""


def mutants(good: Good) -> Iterator[Mutant]:
    """One defect each; no two of an image break the same requirement."""
    yield from _dead(good.design)
    yield from _short_lived(good.design)


def _dead(design: Design) -> Iterator[Mutant]:
    on_the_shared = (
        "test_entrypoint.py::test_answers_on_the_default_port",
        "test_interface.py",
        "test_entrypoint.py::test_listens_on_all_interfaces",
        "test_configuration.py::test_service_starts_without_a_file",
    )
    interface = [f"interface.route.{route.slug}" for route in design.runtime.routes] + [
        "interface.health-body",
        "interface.openapi-routes",
        "interface.session",
        "interface.published",
        *LOAD,
    ]
    blinds = (*interface, "entrypoint.all-interfaces", "configuration.yaml-optional")
    root_only = replaced(ENTRYPOINT, "    port = read_port()\n", "    port = read_port()\n    os.setgroups([])\n")
    yield behaviour(
        "runs.only-as-root",
        "it starts as root only",
        "entrypoint.default-port",
        root_only,
        blinds=blinds,
        checks=on_the_shared,
    )
    loopback = replaced(ENTRYPOINT, 'host = "0.0.0.0"', 'host = "127.0.0.1"')
    yield behaviour(
        "runs.loopback",
        "it binds 127.0.0.1",
        "entrypoint.default-port",
        loopback,
        blinds=blinds,
        checks=on_the_shared,
        patient=True,
    )


def _short_lived(design: Design) -> Iterator[Mutant]:
    interface = [f"interface.route.{route.slug}" for route in design.runtime.routes]
    hangs = from_the_second("import asyncio; await asyncio.sleep(3600)")
    yield behaviour(
        "runs.hangs",
        "/health hangs from the second request on",
        ["interface.published", "interface.route.health", "interface.health-body"],
        hangs,
        # Those of many requests would each wait to the end of their limit.
        checks=tuple(f"test_interface.py::test_{name}" for name in ("published_on_loopback", "route", "health_body")),
        patient=True,
    )
    yield behaviour(
        "runs.second-request",
        "/health answers 500 from the second request on",
        ["interface.published", "interface.route.health", "interface.health-body"],
        from_the_second(REFUSAL),
        follows=LOAD,
        checks=("test_interface.py",),
    )
    dies = from_the_second("pass")

    def dying(draft: Draft) -> None:
        dies(draft)
        draft.replace(
            MAIN,
            "            self.asked += status == 200\n",
            "            import os\n            _ = os._exit(1) if status == 200 else None\n",
        )

    everything = [
        *interface,
        "interface.health-body",
        "interface.openapi-routes",
        "interface.session",
        "interface.published",
    ]
    yield behaviour(
        "runs.dies",
        "it ends with 1 after the first answer",
        everything,
        dying,
        blinds=[*everything, *LOAD],
        checks=("test_interface.py",),
    )
    at_start = replaced(ENTRYPOINT, "    port = read_port()\n", "    port = read_port()\n    fail('no')\n")
    in_release = ("test_health_check.py", "test_beyond.py")
    started = functools.partial(behaviour, batch="at-start", selection="release", checks=in_release)
    yield started("runs.ends", "it ends at once", "health.as-designed", at_start)
    package = f"{design.site_packages.path}/{design.site_packages.packages[0].slug}"
    compiled = f"{package}/__pycache__/__init__.cpython-311.pyc"
    yield started(
        "runs.bytecode",
        f"{compiled} says something else than its source",
        "python.bytecode",
        edit(compiled, swapped(b"__version__", b"__versioN__")),
    )
    steady = functools.partial(behaviour, batch="steady", selection="release", checks=("test_interface.py",))
    answer = "    return monitor.health()\n"
    yield steady(
        "runs.leaks-descriptors",
        "each request costs a descriptor",
        "interface.no-descriptor-leak",
        # Kept by nobody but the kernel, so that it costs no memory.
        replaced(ROUTES, answer, f"    import os\n    os.open('/dev/null', os.O_RDONLY)\n{answer}"),
    )
    yield steady(
        "runs.leaks-memory",
        "each request costs memory",
        "interface.no-memory-leak",
        replaced(ROUTES, answer, f"    _KEPT.append(bytes(b'x') * (1 << 14))\n{answer}\n\n_KEPT = []\n"),
    )
