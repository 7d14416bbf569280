"""How the image is deployed (the family's description of it)."""

from __future__ import annotations

from image_harness import requirement
from image_harness.design import Design
from image_harness.plugin.running import Deployed
from image_harness.plugin.session import HarnessSession

MIB = 1024 * 1024


@requirement("deployment.read-only")
def test_answers_with_a_read_only_root(deployed: Deployed) -> None:
    assert deployed.answer.answered, deployed.answer.reason


@requirement("deployment.no-capabilities")
def test_has_no_capabilities(deployed: Deployed) -> None:
    assert deployed.answer.answered, deployed.answer.reason
    status = deployed.process_status
    found = {name: status[name] for name in ("CapEff", "CapPrm", "CapBnd", "NoNewPrivs")}
    none = "0" * 16
    assert found == {"CapEff": none, "CapPrm": none, "CapBnd": none, "NoNewPrivs": "1"}


@requirement("deployment.service-name-as-host")
def test_listens_on_all_interfaces_with_a_service_name_as_host(deployed: Deployed, design: Design) -> None:
    assert design.runtime.deployment.env[design.runtime.host_variable] == design.service.id
    assert deployed.answer.answered, deployed.answer.reason
    found = [socket.address for socket in deployed.sockets if socket.port == design.service.port]
    assert found == ["0.0.0.0"]


@requirement("deployment.memory")
def test_holds_the_memory_limit(deployed: Deployed, design: Design, harness_session: HarnessSession) -> None:
    assert deployed.answer.answered, deployed.answer.reason
    assert deployed.load.all_are(200, design.runtime.clients), str(deployed.load)
    assert not deployed.oom_killed
    if harness_session.emulated:
        assert deployed.memory.program <= design.runtime.deployment.memory_mib * MIB
