"""Runs of small suites, as a user starts them: what the plugin makes of each outcome."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
CONFTEST = f"""
from pathlib import Path
from image_harness import Subject

def pytest_image_harness_subject():
    root = Path(__file__).parent
    return Subject(
        root=root,
        design=Path({str(ROOT / "designs" / "rdp-monitor.yaml")!r}),
        checks=root / "checks",
        dockerfile=Path({str(ROOT / "Dockerfile.monitor")!r}),
    )
"""
HEAD = "import pytest\nfrom image_harness import requirement\n\n"
PASSING = '@requirement("stages.two")\ndef test_two(dockerfile):\n    assert len(dockerfile.stages) == 2\n'


class Run:
    """A finished run of a suite of one module."""

    def __init__(self, result: pytest.RunResult, report: Path) -> None:
        self.result = result
        self.exit_code = int(result.ret)
        self.output = result.stdout.str() + result.stderr.str()
        self.report: dict[str, Any] = json.loads(report.read_text()) if report.exists() else {}

    def status(self, id_: str) -> str:
        return str(next(found["status"] for found in self.report["requirements"] if found["id"] == id_))


Start = Callable[..., Run]


@pytest.fixture
def run(pytester: pytest.Pytester) -> Start:
    def start(module: str, *arguments: str, path: str = "checks/test_it.py") -> Run:
        pytester.makeconftest(CONFTEST)
        pytester.makeini("[pytest]\nenable_assertion_pass_hook = true\naddopts = --import-mode=importlib")
        checks = pytester.path / "checks"
        checks.mkdir(exist_ok=True)
        (checks / "test_it.py").write_text(HEAD + module)
        report = pytester.path / "report"
        selection = () if "-m" in arguments else ("-m", "source")
        result = pytester.runpytest_subprocess(path, "--report", str(report), *selection, *arguments)
        return Run(result, report / "report.json")

    return start


def test_a_check_that_passes_meets_its_requirement(run: Start) -> None:
    done = run(PASSING)

    assert (done.exit_code, done.status("stages.two"), done.report["verdict"]) == (0, "met", "met")


TOGETHER = """
@requirement("build-args.{key}", for_each="dockerfile.build_args", together=True)
def test_argument(dockerfile, item):
    assert item.slug in ("PYTHON_VERSION", "VERSION", "VCS_REF", "BUILD_DATE", "TARGETPLATFORM", "BUILDPLATFORM")
"""


def arguments(done: Run) -> dict[str, str]:
    return {
        found["id"].removeprefix("build-args."): found["status"]
        for found in done.report["requirements"]
        if found["id"].startswith("build-args.") and found["status"] != "not-selected"
    }


def test_members_decided_together_each_have_a_verdict_of_their_own(run: Start) -> None:
    done = run(TOGETHER)

    assert set(arguments(done).values()) == {"met"}
    assert len(arguments(done)) > 2
    assert "1 passed" in done.output
    checks = [check for found in done.report["requirements"] for check in found["checks"]]
    assert "checks/test_it.py::test_argument[VERSION]" in {check["nodeid"] for check in checks}


@pytest.mark.parametrize(
    ("statement", "status", "letter"),
    [
        ('assert item.slug != "VERSION"', "not-met", "1 failed"),
        ('assert item.slug != "VERSION" or 1 / 0', "unproven", "1 unproven"),
        ('item.slug == "VERSION" and pytest.skip("no")', "unproven", "1 unproven"),
        ('item.slug == "VERSION" and pytest.fail("no")', "unproven", "1 unproven"),
    ],
)
def test_of_members_decided_together_only_the_one_that_fails_is_red(
    run: Start, statement: str, status: str, letter: str
) -> None:
    done = run(TOGETHER.partition("    assert")[0] + f"    {statement}\n")

    found = arguments(done)
    assert found.pop("VERSION") == status
    assert set(found.values()) == {"met"}
    assert letter in done.output
    assert done.exit_code == 1


def test_a_fixture_that_fails_leaves_all_members_unproven(run: Start) -> None:
    done = run("@pytest.fixture\ndef broken():\n    1 / 0\n" + TOGETHER.replace("dockerfile, item", "broken, item"))

    assert set(arguments(done).values()) == {"unproven"}


def test_the_values_that_a_check_found_right_are_its_evidence(run: Start) -> None:
    done = run(PASSING)

    assert "2 == 2" in json.dumps(done.report)


def test_an_assertion_lost_by_a_check_is_not_met(run: Start) -> None:
    done = run(PASSING.replace("== 2", "== 3"))

    assert (done.exit_code, done.status("stages.two"), done.report["verdict"]) == (1, "not-met", "not-met")
    assert "2 == 3" in json.dumps(done.report)


@pytest.mark.parametrize(
    "body",
    [
        'raise OSError("the engine is gone")',
        'pytest.fail("cannot tell")',
        'pytest.skip("not today")',
        'pytest.xfail("known")',
        "import unittest; unittest.TestCase().assertEqual(1, 2)",
    ],
    ids=["exception", "pytest.fail", "skip", "xfail", "an assertion of a library"],
)
def test_a_check_that_could_not_look_is_unproven_and_fails_the_run(run: Start, body: str) -> None:
    done = run(f'@requirement("stages.two")\ndef test_two():\n    {body}\n')

    assert (done.exit_code, done.status("stages.two"), done.report["verdict"]) == (1, "unproven", "unproven")


def test_an_assertion_in_a_fixture_is_no_finding_about_the_image(run: Start) -> None:
    done = run(
        "@pytest.fixture\ndef broken():\n    assert False\n\n" + PASSING.replace("(dockerfile)", "(broken, dockerfile)")
    )

    assert (done.exit_code, done.status("stages.two")) == (1, "unproven")


def test_an_error_after_a_check_takes_its_yes_back(run: Start) -> None:
    fixture = "@pytest.fixture\ndef late():\n    yield\n    raise OSError('lost')\n\n"

    assert run(fixture + PASSING.replace("(dockerfile)", "(late, dockerfile)")).status("stages.two") == "unproven"


def test_what_was_not_selected_is_said_to_be_so(run: Start) -> None:
    done = run(PASSING)

    assert done.status("user.config") == "not-selected"


def test_a_requirement_of_which_a_check_was_left_out_is_unproven(run: Start) -> None:
    second = PASSING.replace("test_two", "test_again")

    assert run(PASSING + "\n\n" + second, "-k", "two").status("stages.two") == "unproven"


def test_an_unknown_requirement_fails_the_collection(run: Start) -> None:
    done = run(PASSING.replace("stages.two", "stages.tow"))

    assert done.exit_code == pytest.ExitCode.USAGE_ERROR
    assert "unknown requirement 'stages.tow'" in done.output
    assert "Traceback" not in done.output


def test_a_check_without_a_requirement_fails_the_collection(run: Start) -> None:
    done = run("def test_two():\n    pass\n")

    assert done.exit_code == pytest.ExitCode.USAGE_ERROR
    assert "the check names no requirement" in done.output


def test_a_requirement_without_a_check_fails_the_collection_of_the_whole_suite(run: Start) -> None:
    done = run(PASSING, path="checks")

    assert done.exit_code == pytest.ExitCode.USAGE_ERROR
    assert "requirement 'stages.builder-base' has no check" in done.output


def test_a_check_runs_once_per_item_of_a_collection(run: Start) -> None:
    module = (
        '@requirement("build-args.{key}", for_each="dockerfile.build_args")\n'
        "def test_argument(dockerfile, item):\n"
        "    assert item.key in [argument.name for argument in dockerfile.arguments]\n"
    )
    done = run(module)

    assert [done.status(f"build-args.{name}") for name in ("VERSION", "VCS_REF")] == ["met", "met"]


def test_an_unknown_collection_fails_the_collection(run: Start) -> None:
    done = run('@requirement("a.{key}", for_each="image.lables")\ndef test_it(item):\n    pass\n')

    assert done.exit_code != 0
    assert "the design has no such collection" in done.output


def test_release_checks_run_only_when_they_are_named(run: Start) -> None:
    module = '@requirement("health.as-designed")\ndef test_slow():\n    assert True\n'
    collecting = ("--image", "oci:nowhere", "--collect-only", "-q")

    assert run(module, "-m", "runtime", *collecting).exit_code == pytest.ExitCode.NO_TESTS_COLLECTED
    assert "test_slow" in run(module, "-m", "release", *collecting).output


WAITING = """
@requirement("entrypoint.stop-sigint")
def test_waits_longest(scenarios):
    pass


@requirement("platform.engine")
def test_waits(container):
    pass
"""


def test_checks_that_wait_for_containers_run_after_those_that_do_not(run: Start, pytester: pytest.Pytester) -> None:
    (pytester.path / "test_of_others.py").write_text("def test_of_others(scenarios):\n    pass\n")
    arguments = ("checks/test_it.py", "-m", "", "--image", "oci:nowhere", "--collect-only", "-q")
    done = run(f"{WAITING}\n\n{PASSING}", *arguments, path="test_of_others.py")

    found = [line.rpartition("::")[2] for line in done.output.splitlines() if "::" in line]
    assert found == ["test_of_others", "test_two", "test_waits", "test_waits_longest"]


def test_without_a_dockerfile_source_evidence_is_unproven(run: Start) -> None:
    done = run(PASSING, "--dockerfile", "none")

    assert (done.exit_code, done.status("stages.two")) == (1, "unproven")
    assert "--dockerfile none" in json.dumps(done.report)


def test_workers_give_the_same_verdicts_as_one_process(run: Start) -> None:
    module = PASSING + "\n\n" + PASSING.replace("two", "builder-name").replace("len(dockerfile.stages) == 2", "False")
    done = run(module.replace("test_builder-name", "test_name"), "-n", "2")

    assert (done.status("stages.two"), done.status("stages.builder-name"), done.exit_code) == ("met", "not-met", 1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--image", "oci:x", "--build", "always"), "an image that is named is never built"),
        (("--design", "nowhere.yaml"), "--design: no such file: nowhere.yaml"),
        (("--dockerfile", "nowhere"), "--dockerfile: no such file: nowhere"),
        (("-m", "image", "--image", "oci:nowhere"), "nowhere"),
        (("-m", "image", "--image", "docker-archive:"), "docker-archive:"),
    ],
)
def test_a_users_mistake_is_told_in_one_line(run: Start, arguments: tuple[str, ...], words: str) -> None:
    done = run(PASSING.replace("stages.two", "user.config").replace("dockerfile", "image"), *arguments)

    assert done.exit_code == pytest.ExitCode.USAGE_ERROR
    assert [line for line in done.output.splitlines() if words in line]
    assert "Traceback" not in done.output
    assert "INTERNALERROR" not in done.output


def test_a_repository_without_a_subject_is_left_alone(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it():\n    assert True\n")

    result = pytester.runpytest_subprocess()

    result.assert_outcomes(passed=1)
    assert "compliance with the design" not in result.stdout.str()


FLAKY = 'tries = []\n\n@requirement("stages.two")\ndef test_two():\n    tries.append(1)\n    {first}\n    assert True\n'


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "workers"])
@pytest.mark.parametrize(
    "first",
    ["assert len(tries) > 1", "if len(tries) == 1: raise OSError('busy')"],
    ids=["said no first", "could not look first"],
)
def test_a_check_that_passed_only_when_tried_again_is_retried_and_unproven(
    run: Start, first: str, workers: tuple[str, ...]
) -> None:
    done = run(FLAKY.format(first=first), "--reruns", "2", *workers)

    assert (done.exit_code, done.status("stages.two"), done.report["run"]["retries"]) == (1, "unproven", 1)
    assert "passed only on try 2" in done.output


def test_a_check_that_fails_however_often_it_is_tried_is_not_met_and_retried(run: Start) -> None:
    done = run(PASSING.replace("== 2", "== 3"), "--reruns", "2")

    assert (done.exit_code, done.status("stages.two"), done.report["run"]["retries"]) == (1, "not-met", 2)


def test_a_whole_run_without_a_retry_says_so(run: Start) -> None:
    done = run(PASSING, "--reruns", "2")

    assert (done.status("stages.two"), done.report["run"]["retries"]) == ("met", 0)


@pytest.mark.parametrize("option", ["--image", "--design", "--dockerfile", "--engine", "--report"])
def test_an_option_without_a_value_is_refused(run: Start, option: str) -> None:
    """A variable of a script that is not set would otherwise have the design's own image checked in silence."""
    done = run(PASSING, option, "")

    assert (done.exit_code, done.report) == (4, {})
    assert f"{option}: has no value" in done.output


def test_a_name_that_no_file_can_have_is_no_such_file(run: Start) -> None:
    done = run(PASSING, "--design", "x" * 300)

    assert done.exit_code == 4
    assert "--design: no such file: xxx" in done.output
    assert "Traceback" not in done.output


@pytest.mark.parametrize("place", ["checks/test_it.py", "/proc/reports"])
def test_where_no_report_can_be_written_is_told_before_anything_is_checked(run: Start, place: str) -> None:
    done = run(PASSING, "--report", place)

    assert done.exit_code == 4
    assert f"{place}: cannot write the reports: " in done.output
    assert "passed" not in done.output
    assert "Traceback" not in done.output


def test_a_report_that_could_not_be_written_in_the_end_is_told_in_a_line(run: Start) -> None:
    full = "    import pathlib, shutil\n    shutil.rmtree('report')\n    pathlib.Path('report').write_text('')\n"
    done = run(PASSING + full)

    assert done.exit_code == 4
    assert "MET: " in done.output
    assert "report: cannot write the reports: File exists; name a directory" in done.output
    assert "Traceback" not in done.output
