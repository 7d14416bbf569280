"""A service that does not start, or does not stay."""

from __future__ import annotations

from collections.abc import Iterator

from image_harness.design import Design
from image_harness.mutants import Draft, Good, Mutant, behaviour
from image_harness.mutants.changes import replaced
from image_tests.mutants._service import (
    ENTRYPOINT,
    MAIN,
    from_the_second,
)


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
        "runs.loopback", "it binds 127.0.0.1", "entrypoint.default-port", loopback, blinds=blinds, checks=on_the_shared
    )


def _short_lived(design: Design) -> Iterator[Mutant]:
    interface = [f"interface.route.{route.slug}" for route in design.runtime.routes]
    hangs = from_the_second("import asyncio; await asyncio.sleep(3600)")
    yield behaviour(
        "runs.hangs",
        "/health hangs from the second request on",
        ["interface.published", "interface.route.health", "interface.health-body"],
        hangs,
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
        blinds=everything,
        checks=("test_interface.py",),
    )
    at_start = replaced(ENTRYPOINT, "    port = read_port()\n", "    port = read_port()\n    fail('no')\n")
    yield behaviour("runs.ends", "it ends at once", "health.as-designed", at_start, selection="release")
