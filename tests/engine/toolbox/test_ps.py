from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from image_harness.engine import ContainerLost, ProcessFacts
from image_harness.engine.toolbox.names import Accounts
from image_harness.engine.toolbox.ps import Request, Row, read_rows, render

NAMES = Accounts.parse("root:x:0:0::/root:/x\nnonroot:x:65532:65532::/h:/x\nalias:x:0:0::/:/x\n", "root:x:0:\n")
STAT = ("S", "1", *["0"] * 9, "150", "50", "0", "0", "20", "0", "7", "0", "200", "4096000", "25")
FACTS = ProcessFacts(pid=1, host_pid=4711, uid=65532, gid=65532, comm="python3.11", argv=("python3", "-c", "a\nb"))
ROW = Row(FACTS, STAT, parent=0, memory=1000, boot=1_700_000_000.0)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["-Aww", "-o", "comm:50,pid:50,lstart,args"], Request(("comm", "pid", "lstart", "args"))),
        (["-ww", "-p", "7", "-o", "lstart,user"], Request(("lstart", "user"), pid=7)),
        (["-p", "x", "-o", "pid"], Request(("pid",), pid=-1)),
        (["-eo", "pid"], Request(("pid",))),
        (["aux"], None),
        (["-ef"], None),
        ([], None),
    ],
)
def test_a_listing_of_chosen_columns_is_understood(words: list[str], expected: Request | None) -> None:
    assert Request.parse(words) == expected


def test_columns_are_as_ps_has_them() -> None:
    columns = ("pid", "ppid", "user", "group", "comm", "state", "nlwp", "rss", "vsz", "time", "lstart", "args")
    exit_code, table = render(Request(columns), [ROW], NAMES)
    header, line = table.splitlines()
    assert exit_code == 0
    assert header.split() == [column.upper() for column in columns]
    assert line == "1 0 nonroot 65532 python3.11 S 7 100 4000 00:00:02 Tue Nov 14 22:13:22 2023 python3 -c a?b"


def test_a_column_that_is_not_known_is_an_error() -> None:
    assert render(Request(("pid", "wchan")), [ROW], NAMES) == (1, "")


def test_a_process_that_is_not_there_is_not_shown() -> None:
    assert render(Request(("pid",), pid=2), [ROW], NAMES) == (1, "PID\n")


def test_parents_are_numbered_as_inside_and_ended_processes_left_out(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal:  1000 kB\n")
    (tmp_path / "stat").write_text("cpu 1\nbtime 1700000000\n")
    for pid, parent in ((100, 50), (101, 100)):
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "stat").write_text(f"{pid} (a) b) S {parent} " + " ".join(STAT[2:]))
    inside = {100: 1, 101: 9, 102: 10}
    facts = [ProcessFacts(pid=pid, host_pid=host, uid=0, gid=0, comm="x", argv=()) for host, pid in inside.items()]
    assert [(row.facts.pid, row.parent) for row in read_rows(facts, tmp_path)] == [(1, 0), (9, 1)]
    with pytest.raises(ContainerLost):
        read_rows(facts[2:], tmp_path)


def test_a_name_of_two_lines_is_one_line() -> None:
    facts = replace(FACTS, comm="a\nb", argv=())
    _, table = render(Request(("pid", "comm", "args")), [replace(ROW, facts=facts)], NAMES)
    assert table == "PID COMM ARGS\n1 a?b [a?b]\n"
