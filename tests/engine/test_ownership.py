from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from image_harness.engine.ownership import RunIdentity, is_dead, start_ticks

HERE = RunIdentity(run="r1", pid=10, started=100, boot="b", pid_namespace="pid:[1]", host="h")
OTHER = replace(HERE, run="r2", pid=20, started=200)


def test_labels_give_the_identity_back() -> None:
    assert RunIdentity.from_labels(HERE.labels()) == HERE


@pytest.mark.parametrize("labels", [{}, {"image-harness.run": "r"}, HERE.labels() | {"image-harness.pid": "x"}])
def test_labels_of_others_are_no_identity(labels: dict[str, str]) -> None:
    assert RunIdentity.from_labels(labels) is None


def test_a_tag_gives_the_identity_back_as_digests() -> None:
    assert RunIdentity.from_tag(HERE.tag("r1")) == HERE.digested()


def test_digests_do_not_make_the_unknown_known() -> None:
    unknown = replace(HERE, boot="").digested()
    assert unknown.boot == ""
    assert RunIdentity.from_tag(replace(HERE, boot="").tag("r1")) == unknown


def test_a_tag_is_one_that_engines_take_whatever_the_host_is_called() -> None:
    tag = replace(HERE, host="a host: with/odd letters" * 20).tag("0123456789ab")
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", tag)


@pytest.mark.parametrize("tag", ["", "latest", "0123456789ab", "a_b_c_d_e_f", "a_1_2_d_e_f_g"])
def test_tags_of_others_are_no_identity(tag: str) -> None:
    assert RunIdentity.from_tag(tag) is None


def test_this_process_lives_and_is_the_same_at_every_call() -> None:
    here = RunIdentity.current()
    assert here == RunIdentity.current()
    assert here.pid == os.getpid()
    assert not is_dead(here, here, local_engine=True)


@pytest.mark.parametrize(
    ("owner", "local_engine", "started", "dead"),
    [
        pytest.param(OTHER, True, 200, False, id="its process runs"),
        pytest.param(OTHER, True, None, True, id="its process has ended"),
        pytest.param(OTHER, True, 201, True, id="its PID is another process's now"),
        pytest.param(replace(OTHER, host="x"), True, None, False, id="another machine"),
        pytest.param(replace(OTHER, boot="x"), True, 200, True, id="an earlier boot of this machine"),
        pytest.param(replace(OTHER, boot="x"), False, None, False, id="another boot, an engine that others use too"),
        pytest.param(replace(OTHER, pid_namespace="x"), True, None, False, id="a PID that means nothing here"),
    ],
)
def test_a_run_is_dead_only_when_that_is_certain(
    owner: RunIdentity, local_engine: bool, started: int | None, dead: bool
) -> None:
    assert is_dead(owner, HERE, local_engine=local_engine, started=lambda _: started) is dead


def test_where_processes_cannot_be_seen_nobody_is_called_dead() -> None:
    assert not is_dead(OTHER, replace(HERE, started=0), local_engine=True, started=lambda _: None)


@pytest.mark.parametrize("owner", [replace(OTHER, started=0), replace(OTHER, boot="")])
def test_a_run_that_could_not_tell_its_own_start_or_boot_is_not_called_dead(owner: RunIdentity) -> None:
    assert not is_dead(owner, HERE, local_engine=True, started=lambda _: 200)


@contextmanager
def no_descriptors_left() -> Iterator[None]:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_a_process_that_runs_but_cannot_be_looked_at_is_not_called_dead() -> None:
    here = RunIdentity.current()
    with subprocess.Popen(["sleep", "60"]) as process:
        owner = replace(here, pid=process.pid, started=start_ticks(process.pid) or 0)
        with no_descriptors_left():
            assert not is_dead(owner, here, local_engine=True)
        process.kill()
        process.wait()
        with no_descriptors_left():
            assert is_dead(owner, here, local_engine=True)


def test_a_process_that_another_user_may_not_see_is_not_called_dead() -> None:
    here = RunIdentity.current()
    program = f"""
import os, sys
from dataclasses import replace
from image_harness.engine.ownership import RunIdentity, is_dead
here = RunIdentity.current()
owner = replace(here, pid={here.pid}, started={here.started}, pid_namespace=here.pid_namespace)
os.setgid(65534), os.setuid(65534)
try:
    os.listdir("/proc/{here.pid}")
except FileNotFoundError:
    print(is_dead(owner, here, local_engine=True))
"""
    hidden = ["unshare", "--mount", "sh", "-c", 'mount -t proc -o hidepid=2 proc /proc && exec "$@"', "sh"]
    done = subprocess.run([*hidden, sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_a_process_that_has_ended_has_no_start() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        assert start_ticks(process.pid)
        process.kill()
    assert start_ticks(process.pid) is None
