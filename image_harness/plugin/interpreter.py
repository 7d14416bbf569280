"""The image's interpreter, asked once for everything that the checks of a run want to know from it."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta

from image_harness.design import Design
from image_harness.engine import Clock, Engine, EngineError, InterpreterFacts, Question, Reply, interpreter_facts

# The shared container has more to do than any other, and most checks wait for it.
_ASIDE = 256
# What a native machine takes at most to import every module that there is.
_WORK = timedelta(seconds=30)


class Interpreter:
    """The image's interpreter in a container of its own, which is started in the background.

    Args:
        engine: Where it runs.
        design: What is imported is what it designs.
        image: The image, as the engine knows it.
        clock: Scales time limits.
        questions: What to ask.
        pool: Starts it.
        files: What to bring along into its container, see ``RunOptions``.
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
    ) -> None:
        self._questions = tuple(dict.fromkeys(questions))
        self._facts: Future[InterpreterFacts] = pool.submit(
            interpreter_facts,
            engine,
            image,
            [package.slug for package in design.site_packages.packages],
            self._questions,
            interpreter=design.image.interpreter,
            limit=clock.limit(_WORK),
            files=files,
            processor_share=_ASIDE,
        )

    @property
    def facts(self) -> InterpreterFacts:
        """What it says of itself and of the designed packages.

        Raises:
            EngineError: It could not be run.
        """
        return self._facts.result()

    def reply(self, question: Question) -> Reply:
        """What it replied to a question.

        Raises:
            EngineError: It could not be run, or was not asked this.
        """
        if question not in self._questions:
            raise EngineError("the interpreter was not asked this when it was started", where=question.code[:80])
        return self.facts.replies[self._questions.index(question)]
