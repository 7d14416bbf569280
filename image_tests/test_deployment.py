"""How the image is deployed (the family's description of it)."""

from __future__ import annotations

from image_harness import requirement
from image_harness.design import Design
from image_harness.plugin.scenarios import DEPLOYED, Scenarios
from image_harness.plugin.session import HarnessSession

MIB = 1024 * 1024


@requirement("deployment.read-only")
def test_answers_with_a_read_only_root(scenarios: Scenarios) -> None:
    answer = scenarios.service(DEPLOYED).answer
    assert answer.answered, answer.reason


@requirement("deployment.no-capabilities")
def test_has_no_capabilities(scenarios: Scenarios) -> None:
    observed = scenarios.service(DEPLOYED)
    assert observed.answer.answered, observed.answer.reason
    found = {name: observed.process_status.value[name] for name in ("CapEff", "CapPrm", "CapBnd", "NoNewPrivs")}
    none = "0" * 16
    assert found == {"CapEff": none, "CapPrm": none, "CapBnd": none, "NoNewPrivs": "1"}


@requirement("deployment.service-name-as-host")
def test_listens_on_all_interfaces_with_a_service_name_as_host(scenarios: Scenarios, design: Design) -> None:
    observed = scenarios.service(DEPLOYED)
    assert design.runtime.deployment.env[design.runtime.host_variable] == design.service.id
    assert observed.answer.answered, observed.answer.reason
    found = [socket.address for socket in observed.sockets.value if socket.port == observed.port.number]
    assert found == ["0.0.0.0"]


@requirement("deployment.memory")
def test_holds_the_memory_limit(scenarios: Scenarios, design: Design, harness_session: HarnessSession) -> None:
    observed = scenarios.service(DEPLOYED)
    assert observed.answer.answered, observed.answer.reason
    assert observed.load.value.all_are(200, design.runtime.clients), str(observed.load.value)
    assert not observed.oom_killed.value
    if harness_session.emulated:
        assert observed.memory.value.program <= design.runtime.deployment.memory_mib * MIB
