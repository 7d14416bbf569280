"""One run of a subject's checks, from the command line to the exit code."""

from __future__ import annotations

import contextlib
import gc
import shutil
import sys
import time
from collections.abc import Generator, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark.expression import Expression

from image_harness.errors import HarnessError
from image_harness.plugin.needs import needs_of, waits
from image_harness.plugin.options import Options
from image_harness.plugin.result import assemble, header_lines
from image_harness.plugin.session import SESSION, HarnessSession
from image_harness.plugin.together import decide_each, tell_worst
from image_harness.plugin.tracing import (
    RELEASE_MARK,
    Together,
    TracedCheck,
    add_kind_marks,
    checks_of,
    marks_of,
    parameters,
    problems,
)
from image_harness.plugin.verdicts import ATTRIBUTE, Finding, Recorder, is_retried, judge
from image_harness.plugin.workers import Companions, end_with_parent, needs_container, scheduling, write_companions
from image_harness.report import RunReport, prepare_directory, terminal_summary, write_reports
from image_harness.report.model import CheckOutcome
from image_harness.subject import Subject
from image_harness.types import Evidence, Status

_EVIDENCE: pytest.StashKey[list[str]] = pytest.StashKey()
_CHECKS: pytest.StashKey[tuple[TracedCheck, ...]] = pytest.StashKey()
_FINDINGS: pytest.StashKey[list[Finding]] = pytest.StashKey()
# Nearly all that a run makes lives until its end. Going through it again and again in search of garbage, as Python does
# after every 700 objects, is a quarter of a short run's time.
_RARELY = (100_000, 20, 100)
_WORKER_OUTPUT = "image_harness_selected"
_COMPANIONS = "image_harness_companions"


class Suite:
    """The hooks that judge a run of checks.

    Raises:
        HarnessError: The design or an option is wrong.
    """

    def __init__(self, config: pytest.Config, subject: Subject, options: Options) -> None:
        self.config = config
        self.session = HarnessSession(subject, options, selection=config.option.markexpr)
        self.recorder = Recorder()
        self.started = datetime.now(UTC)
        self._clock = time.monotonic()
        self._report: RunReport | None = None
        self._unwritten: HarnessError | None = None
        self._started = False
        self._collector = gc.get_threshold()
        gc.set_threshold(*_RARELY)
        if self.is_worker:
            end_with_parent()
        self._companions = Companions()
        if options.report is not None and not (self.is_worker or config.option.collectonly):
            prepare_directory(options.report)
        _ = self.session.design  # a design that cannot be read ends the run before anything is built
        config.stash[SESSION] = self.session

    @property
    def is_worker(self) -> bool:
        """Whether this process runs checks on behalf of another one (pytest-xdist)."""
        return hasattr(self.config, "workerinput")

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:  # noqa: ANN401 - a class of xdist, which need not be there
        """Tell a worker where to say which of its tests belong together (pytest-xdist)."""
        node.workerinput[_COMPANIONS] = self._companions.path

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: object) -> object | None:
        """Have one worker decide all that needs a container: a boot costs as much as everything else together."""
        return scheduling(config, log, self._companions) if config.getoption("dist") == "load" else None

    # Before: build, say what is looked at.

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Build the image when it is stale, before anything looks at it."""
        if self.is_worker or not self._needs_image() or self.config.option.collectonly:
            return
        with _user_errors(), self._showing_output():
            self.session.bring_up_to_date()

    def pytest_report_header(self) -> list[str]:
        """Name the design, the image, its bases and the engine."""
        if self.config.option.collectonly:
            return []
        with _user_errors():
            return header_lines(
                self.session, with_image=self._needs_image(), with_engine=self._may_select(Evidence.RUNTIME)
            )

    def _needs_image(self) -> bool:
        return self._may_select(Evidence.IMAGE) or self._may_select(Evidence.RUNTIME)

    def _may_select(self, kind: Evidence) -> bool:
        expression = self.config.option.markexpr
        if not expression:
            return True
        marks = [{kind.value}, {kind.value, RELEASE_MARK}]
        try:
            compiled = Expression.compile(expression)
        except SyntaxError:
            return True  # pytest itself says what is wrong with the expression
        return any(compiled.evaluate(lambda name, /, *, present=present, **_: name in present) for present in marks)

    @contextlib.contextmanager
    def _showing_output(self) -> Iterator[None]:
        capture = self.config.pluginmanager.getplugin("capturemanager")
        if capture is None:
            yield
            return
        with capture.global_and_fixture_disabled():
            yield

    # Collection: every check names requirements, every requirement has a check.

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run a check once for each item of the collection that its mark names."""
        if "item" not in metafunc.fixturenames:
            return
        try:
            found = parameters(marks_of(metafunc.definition), self.session.design)
        except HarnessError as error:
            raise pytest.Collector.CollectError(f"{metafunc.definition.nodeid}: {error}") from error
        if found is not None:
            metafunc.parametrize("item", found[0], ids=found[1])

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(
        self, session: pytest.Session, items: list[pytest.Item]
    ) -> Generator[None, None, None]:
        """Enforce the tracing rules, mark every check with its kind of evidence, let what waits for containers wait.

        It comes before other plugins, which may have an order of their own.
        """
        self._trace(session, items)
        yield
        if self.is_worker:
            # At the front they are what the first worker is given.
            items.sort(key=lambda test: not needs_container(test))
            names = [test.nodeid for test in items if needs_container(test)]
            write_companions(self.config.workerinput[_COMPANIONS], names)  # type: ignore[attr-defined]

    def _trace(self, session: pytest.Session, items: list[pytest.Item]) -> None:
        requirements = {requirement.id: requirement for requirement in self.session.design.catalogue}
        ours = [item for item in items if item.path.is_relative_to(self.session.subject.checks)]
        checks: list[TracedCheck] = []
        for item in ours:
            item.stash[_CHECKS] = its_checks = checks_of(item)
            checks += its_checks
        found = problems(
            [check for check in checks if check.ids],
            [check.nodeid for check in checks if not check.ids],
            requirements.values(),
            # A module that could not be collected is an error of its own, which its checks' absence need not repeat.
            complete=self._collects_everything() and not session.testsfailed,
        )
        if found:
            raise pytest.UsageError(*found)
        for item in ours:
            # The rules have made sure that all requirements of a test are of one kind.
            for check in item.stash[_CHECKS][:1]:
                add_kind_marks(item, requirements[check.ids[0]])
        for check in checks:
            self.recorder.collect(check.nodeid, check.ids)
        in_order = iter(sorted(ours, key=waits))
        items[:] = [next(in_order) if _CHECKS in item.stash else item for item in items]
        self._leave_release_out(items)

    def _collects_everything(self) -> bool:
        paths = (Path(self.config.invocation_params.dir, arg) for arg in self.config.args if "::" not in arg)
        return any(self.session.subject.checks.is_relative_to(path.resolve()) for path in paths)

    def _leave_release_out(self, items: list[pytest.Item]) -> None:
        if RELEASE_MARK in self.config.option.markexpr:
            return
        slow = [item for item in items if item.get_closest_marker(RELEASE_MARK)]
        if slow:
            self.config.hook.pytest_deselected(items=slow)
            items[:] = [item for item in items if not item.get_closest_marker(RELEASE_MARK)]

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note what was selected, and let the container boot while checks that need none run."""
        for item in session.items:
            for check in item.stash.get(_CHECKS, ()):
                self.recorder.select(check.nodeid, check.ids)
        if self.config.option.collectonly:
            return
        if not self.is_worker:  # one of several workers runs containers: the one that is given the checks that need any
            self._start_containers(session.items)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Let containers boot when the first check arrives that needs any, in a worker."""
        if self.is_worker and not self._started and needs_container(item):
            self._start_containers(item.session.items)

    def _start_containers(self, items: Sequence[pytest.Item]) -> None:
        self._started = True
        if any(needs_container(item) for item in items):
            self.session.start_containers(needs_of(items, self.session.design))

    # The run: what each check found.

    def pytest_assertion_pass(self, item: pytest.Item, expl: str) -> None:
        """Keep the values that a check compared and found right: they are the evidence."""
        item.stash.setdefault(_EVIDENCE, []).append(expl)

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool | None:
        """Decide the members of a collection one after the other, where pytest sees one test for all of them."""
        if not isinstance(pyfuncitem.funcargs.get("item"), Together):
            return None
        evidence = pyfuncitem.stash.setdefault(_EVIDENCE, [])
        checks = pyfuncitem.stash[_CHECKS]
        findings = decide_each(pyfuncitem, checks, evidence, folder=self.session.subject.checks)
        pyfuncitem.stash[_FINDINGS] = findings
        tell_worst(findings)
        return True

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[Any]
    ) -> Generator[None, pytest.Stash, None]:
        """Give the report of a test the findings of its checks."""
        outcome: Any = yield
        checks = item.stash.get(_CHECKS, ())
        report = outcome.get_result()
        if not checks or (call.when != "call" and report.passed):
            return  # that a fixture was set up says nothing of the image
        evidence = item.stash.get(_EVIDENCE, [])
        findings = item.stash.get(_FINDINGS, None) if call.when == "call" else None
        if findings is None:
            folder = self.session.subject.checks
            findings = [judge(check, call, report, evidence=evidence, checks=folder) for check in checks]
        setattr(report, ATTRIBUTE, [finding.to_data() for finding in findings])

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect the finding, from this process or a worker."""
        self.recorder.add(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Show a check that could not look as unproven, in a word and a letter of its own."""
        findings = getattr(report, ATTRIBUTE, ())
        outcomes = {finding["outcome"] for finding in findings}
        if is_retried(report) or CheckOutcome.FAILED.value in outcomes:
            return None
        return ("unproven", "U", "UNPROVEN") if outcomes - {CheckOutcome.PASSED.value} else None

    # After: the report and the exit code.

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        """Take over what a worker selected, and how long its container took (pytest-xdist)."""
        selected, collected, boot = getattr(node, "workeroutput", {}).get(_WORKER_OUTPUT, ((), (), None))
        if boot is not None:
            self.session.boot_elsewhere = timedelta(seconds=boot)
        for nodeid, ids in selected:
            self.recorder.select(nodeid, ids)
        for nodeid, ids in collected:
            self.recorder.collect(nodeid, ids)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Add the verdicts up; the run ends in 0 only when every selected requirement is met."""
        if self.is_worker:
            selected = [(record.nodeid, list(record.ids)) for record in self.recorder.records.values()]
            collected = [(nodeid, list(ids)) for nodeid, ids in self.recorder.collected.items()]
            boot = None if self.session.boot is None else self.session.boot.total_seconds()
            self.config.workeroutput[_WORKER_OUTPUT] = (selected, collected, boot)  # type: ignore[attr-defined]
            return
        if self.config.option.collectonly or exitstatus in (
            pytest.ExitCode.USAGE_ERROR,
            pytest.ExitCode.INTERNAL_ERROR,
        ):
            return
        if self._needs_image():
            self.session.look_at_image()
        self._report = assemble(
            self.session, self.recorder, started=self.started, seconds=time.monotonic() - self._clock
        )
        if self._report.verdict is not Status.MET and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if self.session.options.report is not None:
            try:
                write_reports(self._report, self.session.options.report)
            except HarnessError as error:
                self._unwritten = error
                session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """A line per section, the worst failures, the verdict."""
        if self._report is None:
            return
        terminalreporter.section("compliance with the design")
        for line in terminal_summary(
            self._report,
            colour=terminalreporter.hasmarkup,
            quiet=self.config.option.verbose < 0,
            width=shutil.get_terminal_size(fallback=(100, 24)).columns,
        ):
            terminalreporter.write_line(line)
        if self._unwritten is not None:
            terminalreporter.write_line(f"image-harness: {self._unwritten}")
        elif self.session.options.report is not None:
            terminalreporter.write_line(f"reports: {self.session.options.report}")

    def pytest_unconfigure(self) -> None:
        """Give everything back."""
        try:
            self.session.close()
        except HarnessError as error:
            sys.stderr.write(f"image-harness: {error}\n")
        self._companions.close()
        gc.set_threshold(*self._collector)


@contextlib.contextmanager
def _user_errors() -> Iterator[None]:
    """What a user can mend is told in one line, not as a traceback."""
    try:
        yield
    except HarnessError as error:
        pytest.exit(f"image-harness: {error}", returncode=pytest.ExitCode.USAGE_ERROR)
