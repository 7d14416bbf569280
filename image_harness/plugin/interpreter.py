"""The image's interpreter, asked once for everything that the checks of a run want to know from it."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

from image_harness.design import Design
from image_harness.engine import (
    Clock,
    Engine,
    EngineError,
    Inquiry,
    InterpreterFacts,
    Question,
    Reply,
    RunOptions,
    ServiceObservation,
    ServicePlan,
    Share,
    asked_interpreter,
    interpreter_facts,
    observe_started,
)

# What a native machine takes at most to import every module that there is.
_WORK = timedelta(seconds=30)


class Interpreter:
    """The image's interpreter in a container of its own, which is started in the background.

    When it has answered it becomes the service, if there is a plan for that: so one boot less is to be waited for.

    Args:
        engine: Where it runs.
        design: What is imported is what it designs.
        image: The image, as the engine knows it.
        clock: Scales time limits.
        questions: What to ask.
        pool: Starts it.
        files: What to bring along into its container, see ``RunOptions``.
        plan: How to observe the service that it becomes; None leaves it at the answers.
    """

    def __init__(
        self,
        engine: Engine,
        design: Design,
        image: str,
        clock: Clock,
        questions: Iterable[Question],
        pool: ThreadPoolExecutor,
        files: bytes = b"",
        plan: ServicePlan | None = None,
    ) -> None:
        self._engine, self._image = engine, image
        self._questions = tuple(dict.fromkeys(questions))
        self._inquiry = Inquiry(
            modules=tuple(package.slug for package in design.site_packages.packages),
            questions=self._questions,
            interpreter=design.image.interpreter,
            limit=clock.limit(_WORK),
        )
        self._command = (*design.image.entrypoint, *design.image.cmd)
        self._facts: Future[InterpreterFacts] = Future()
        self._service = pool.submit(self._ask, plan, files)

    def _ask(self, plan: ServicePlan | None, files: bytes) -> ServiceObservation | None:
        try:
            if plan is None:
                options = RunOptions(files=files, processor_share=Share.LAST)
                self._facts.set_result(interpreter_facts(self._engine, self._image, self._inquiry, options))
                return None
            return self._ask_and_observe(plan)
        except BaseException as error:
            if not self._facts.done():
                self._facts.set_exception(error)
            raise

    def _ask_and_observe(self, plan: ServicePlan) -> ServiceObservation:
        """Let it answer in the plan's container, and become the service under the plan's circumstances only then."""
        becomes = Question.start(
            self._command,
            interpreter=plan.interpreter,
            limit=plan.answer_within.total,
            environment=plan.options.environment,
            unset=plan.options.unset,
        )
        as_it_is = replace(plan.options, environment={}, unset=())
        inquiry = replace(self._inquiry, becomes=becomes)
        with asked_interpreter(self._engine, self._image, inquiry, as_it_is) as (container, facts):
            self._facts.set_result(facts)
            return observe_started(container, plan)

    @property
    def facts(self) -> InterpreterFacts:
        """What it says of itself and of the designed packages.

        Raises:
            EngineError: It could not be run.
        """
        return self._facts.result()

    @property
    def service(self) -> ServiceObservation:
        """What the service did that it became.

        Raises:
            EngineError: The engine failed, or it was not to become any.
        """
        observed = self._service.result()
        if observed is None:
            raise EngineError("the interpreter was not to become the service", where=self._image)
        return observed

    def reply(self, question: Question) -> Reply:
        """What it replied to a question.

        Raises:
            EngineError: It could not be run, or was not asked this.
        """
        if question not in self._questions:
            raise EngineError("the interpreter was not asked this when it was started", where=question.code[:80])
        return self.facts.replies[self._questions.index(question)]
