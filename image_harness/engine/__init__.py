"""The image running: an engine, its containers, and what can be learned about them without a shell inside."""

from __future__ import annotations

from image_harness.engine.client import EngineFacts, resolve_url
from image_harness.engine.clock import Clock
from image_harness.engine.compiled import Comparison, compare_compiled
from image_harness.engine.container import Container, StopResult
from image_harness.engine.engine import Engine, remove_leftovers
from image_harness.engine.errors import (
    CommandNotRun,
    CommandTimedOut,
    ContainerDied,
    ContainerLost,
    EngineError,
    NotGranted,
    WaitExpired,
)
from image_harness.engine.events import HealthTimeline, HealthTransition
from image_harness.engine.execution import CommandResult
from image_harness.engine.haste import require_time_enough, was_hasty
from image_harness.engine.interpreter import (
    ImportResult,
    Inquiry,
    InterpreterFacts,
    Question,
    Reply,
    asked_interpreter,
    interpreter_facts,
)
from image_harness.engine.observation import (
    Answer,
    Seen,
    ServiceObservation,
    ServicePlan,
    observe_service,
    observe_started,
    wait_for_answer,
)
from image_harness.engine.options import Mount, RunOptions, Share
from image_harness.engine.procfs import ListeningSocket, ProcessFacts
from image_harness.engine.stall import Stall, failures_before
from image_harness.engine.state import ContainerState, ContainerStatus, Health, HealthProbe, HealthStatus
from image_harness.engine.traffic import Answers, ask_again, ask_at_once

__all__ = [
    "Answer",
    "Answers",
    "Clock",
    "CommandNotRun",
    "CommandResult",
    "CommandTimedOut",
    "Comparison",
    "Container",
    "ContainerDied",
    "ContainerLost",
    "ContainerState",
    "ContainerStatus",
    "Engine",
    "EngineError",
    "EngineFacts",
    "Health",
    "HealthProbe",
    "HealthStatus",
    "HealthTimeline",
    "HealthTransition",
    "ImportResult",
    "Inquiry",
    "InterpreterFacts",
    "ListeningSocket",
    "Mount",
    "NotGranted",
    "ProcessFacts",
    "Question",
    "Reply",
    "RunOptions",
    "Seen",
    "ServiceObservation",
    "ServicePlan",
    "Share",
    "Stall",
    "StopResult",
    "WaitExpired",
    "ask_again",
    "ask_at_once",
    "asked_interpreter",
    "compare_compiled",
    "failures_before",
    "interpreter_facts",
    "observe_service",
    "observe_started",
    "remove_leftovers",
    "require_time_enough",
    "resolve_url",
    "wait_for_answer",
    "was_hasty",
]
