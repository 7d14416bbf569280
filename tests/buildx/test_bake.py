from __future__ import annotations

from pathlib import Path

from monitor_build.bake import failure

FAILED = """\
#1 [internal] load build definition from Dockerfile.monitor
#1 DONE 0.0s
#7 [builder 3/9] RUN apt-get update && apt-get install -y nothing
#7 0.112 Reading package lists...
#8 [stage-1 2/9] COPY --from=builder /a /a
#8 CANCELED
#7 0.513 E: Unable to locate package nothing
#7 ERROR: process "/bin/sh -c apt-get update" did not complete successfully: exit code: 100
------
 > [builder 3/9] RUN apt-get update && apt-get install -y nothing:
------
ERROR: failed to solve: process "/bin/sh -c apt-get update" did not complete successfully: exit code: 100
""".splitlines()


def test_failure_names_the_step_its_reason_and_the_log() -> None:
    shown: list[str] = []

    problem = failure(FAILED, Path("/somewhere/build.log"), show=shown.append)

    assert str(problem) == (
        "step [builder 3/9] RUN apt-get update && apt-get install -y nothing:"
        ' process "/bin/sh -c apt-get update" did not complete successfully: exit code: 100;'
        " the whole log is /somewhere/build.log"
    )
    assert shown[-2:] == [
        "#7 0.513 E: Unable to locate package nothing",
        '#7 ERROR: process "/bin/sh -c apt-get update" did not complete successfully: exit code: 100',
    ]
    assert not any(line.startswith("#8") for line in shown)


def test_failure_outside_of_a_step_is_told_in_buildkits_words() -> None:
    problem = failure(["#1 DONE", "ERROR: no space left on device"], Path("b.log"), show=lambda _line: None)

    assert str(problem) == "docker buildx bake: no space left on device; the whole log is b.log"


def test_long_step_is_cut() -> None:
    lines = ["#2 [a 1/1] RUN " + "x" * 500, "#2 ERROR: exit code: 1"]

    assert len(str(failure(lines, Path("b.log"), show=lambda _line: None))) < 250
