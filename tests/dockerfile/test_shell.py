from __future__ import annotations

import itertools
import re
import subprocess

import pytest

from image_harness.dockerfile import parse_text
from image_harness.dockerfile.shell import Command, commands, run_commands
from image_harness.errors import HarnessError

PIP = re.compile(r"pip[\d.]*")


def words(text: str) -> list[tuple[str, ...]]:
    return [command.words for command in commands(text)]


def deciding(text: str) -> list[str]:
    return [command.words[0] for command in commands(text) if command.decides]


def of_run(lines: str) -> list[Command]:
    (run,) = parse_text(f"FROM scratch\n{lines}\n").final.all("RUN")
    return list(run_commands(run))


def test_a_command_whose_quote_does_not_end_is_told() -> None:
    with pytest.raises(
        HarnessError, match=r"""^RUN "echo it's": cannot be split into commands: no closing quotation; """
    ):
        commands("echo it's")


def test_a_command_that_ends_with_a_backslash_is_told() -> None:
    with pytest.raises(HarnessError, match="no escaped character"):
        commands("echo \\")


def test_commands_are_split_at_operators_and_quotes_are_kept_together() -> None:
    assert words("a -b && c 'd && e' ; f | g") == [("a", "-b"), ("c", "d && e"), ("f",), ("g",)]
    assert words("(a)&b||c") == [("a",), ("b",), ("c",)]
    assert words('a "b \\" c"d\\ e "" && f') == [("a", 'b " cd e', ""), ("f",)]


def test_a_quoted_operator_is_a_word() -> None:
    assert words("""a '&&' b ">" '#c' """) == [("a", "&&", "b", ">", "#c")]


def test_what_a_comment_says_is_no_command() -> None:
    assert words("a b#c # && d") == [("a", "b#c")]


def test_each_command_keeps_the_operators_around_it() -> None:
    assert [(command.before, command.after) for command in commands("a && b || c; d")] == [
        ("", "&&"),
        ("&&", "||"),
        ("||", ";"),
        (";", ""),
    ]


def test_a_redirection_is_no_word() -> None:
    (command,) = commands('echo "x" 2>&1 > "/f"')

    assert command.words == ("echo", "x")
    assert command.redirections == (("2>&", "1"), (">", "/f"))


def test_what_is_substituted_stays_as_written() -> None:
    assert words('a $(b -c) "$(d)" `e f` ${g:-h i}') == [("a", "$(b -c)", "$(d)", "`e f`", "${g:-h i}")]


def test_commands_that_are_joined_by_and_decide() -> None:
    assert deciding("a && b && c") == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a; b", ["b"]),
        ("a && b; c && d", ["c", "d"]),
        ("set -e; a; b && c; d", ["a", "d"]),
        ("set -eux && a; b; c", ["a", "b", "c"]),
        ("set -euo pipefail; a; b", ["a", "b"]),
        ("set -o errexit; a; b", ["a", "b"]),
        ("a; set -e; b; c", ["b", "c"]),
        ("a && set -e; b; c", ["c"]),
        ("set -e; a && set -x; b", ["b"]),
        ("set -u; a; b", ["b"]),
        ("set errexit; a; b", []),
        ("set -e; a; set +e; b; c", ["a", "set"]),
        ("set -e; ! a; b", ["b"]),
        ("set -e; command exit 0; a", ["command"]),
    ],
)
def test_a_command_decides_at_the_end_and_where_the_shell_gives_up(text: str, expected: list[str]) -> None:
    assert deciding(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "a || b",
        "a | b",
        "a & b",
        "a &",
        "(a)",
        "true || a && b",
        "! a",
        "if a; then b; fi",
        "set -e; for i in 1; do a; done",
        "set -e; while a; do b; done; c",
        "{ a; b; }",
        "! { a; }",
    ],
)
def test_a_command_whose_failure_may_be_ignored_does_not_decide(text: str) -> None:
    assert deciding(text) == []


@pytest.mark.parametrize("first", ["exit 0", "exec true", "trap 'exit 0' EXIT", "set -n", "A=1 exit 0"])
@pytest.mark.parametrize("operator", ["&&", ";"])
def test_a_command_that_may_not_be_reached_does_not_decide(first: str, operator: str) -> None:
    assert "a" not in deciding(f"{first} {operator} a")


@pytest.mark.parametrize("begin", ["", "set -e; ", "set -e && "])
@pytest.mark.parametrize("operators", list(itertools.product(("&&", ";", "||", "|", "&&\n", ";\n"), repeat=2)))
def test_a_shell_that_succeeds_has_run_what_decides(begin: str, operators: tuple[str, str]) -> None:
    text = f"{begin}a {operators[0]} b {operators[1]} c"
    sure = set(deciding(text))
    for failing in itertools.product((False, True), repeat=3):
        results = dict(zip("abc", failing, strict=True))
        functions = "".join(f"{name}() {{ echo {name} >&2; return {status:d}; }}; " for name, status in results.items())
        done = subprocess.run(["/bin/sh", "-c", functions + text], capture_output=True, text=True, check=False)
        succeeded = {name for name in done.stderr.split() if not results[name]}
        assert done.returncode != 0 or sure <= succeeded


def test_keywords_and_assignments_before_a_program_are_not_plain_words() -> None:
    assert [command.plain for command in commands("if A=1 b c; then ! d; fi")] == [("b", "c"), ("d",), ("fi",)]


@pytest.mark.parametrize(
    "text",
    [
        "pip install a",
        "pip3.11 install a",
        "/usr/bin/pip install a",
        "python3 -m pip install a",
        "python3 -mpip install a",
        "A=1 pip install a",
        "env A=1 pip install a",
        "(pip install a)",
        "if true; then pip install a; fi",
        "echo pip install a | sh",
        "sh -c 'true && pip install a'",
        'echo "$(pip install a)"',
        "echo `pip install a`",
        '["pip", "install", "a"]',
        '["sh", "-c", "pip install a"]',
        "<<EOF\ntrue\npip install a\nEOF",
        "bash -e <<EOF\npip install \\\n  a\nEOF",
        "python3 <<EOF\n# it's Python\npip install a\nEOF",
    ],
)
def test_a_program_is_found_behind_whatever_runs_it(text: str) -> None:
    calls = [call for command in of_run(f"RUN {text}") if (call := command.call(PIP))]

    assert [call[1:3] for call in calls] == [("install", "a")]


@pytest.mark.parametrize(
    "text", ["echo pip install a", "echo 'pip install a'", "pipx install a", "true # pip install a"]
)
def test_a_program_that_does_not_run_is_not_found(text: str) -> None:
    assert [command for command in of_run(f"RUN {text}") if command.call(PIP)] == []


def test_the_json_form_is_one_command_that_decides() -> None:
    assert of_run('RUN ["a", "b && c"]') == [Command(("a", "b && c"), decides=True)]
    assert of_run("RUN []") == []


def test_a_here_document_decides_nothing() -> None:
    assert [(command.words, command.decides) for command in of_run("RUN <<EOF\na\nb\nEOF")] == [
        (("a",), False),
        (("b",), False),
    ]
