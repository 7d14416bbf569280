from __future__ import annotations

import pytest

from image_harness.engine.toolbox.shell import is_image_program, missing_program, simple_words


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("test -e /etc/passwd", ["test", "-e", "/etc/passwd"]),
        ("cat -- '/a b/c'", ["cat", "--", "/a b/c"]),
        ("python3 -c 'print(1); print(2)'", ["python3", "-c", "print(1); print(2)"]),
        ("pip list --format=json", ["pip", "list", "--format=json"]),
    ],
)
def test_a_program_with_arguments_needs_no_shell(line: str, words: list[str]) -> None:
    assert simple_words(line) == words


@pytest.mark.parametrize(
    "line",
    ["a | b", "a; b", "a && b", "a > f", "a $HOME", "a `b`", 'a "b"', "a *.py", "A=b c", "a 'it'\"'\"'s'", "a 'b", ""],
)
def test_everything_else_does(line: str) -> None:
    assert simple_words(line) is None


@pytest.mark.parametrize(("name", "expected"), [("cat", False), ("cd", False), ("wget", True), ("/bin/cat", True)])
def test_only_tools_and_words_of_the_shell_are_not_the_image_s(name: str, expected: bool) -> None:
    assert is_image_program(name) is expected


@pytest.mark.parametrize(
    ("stderr", "expected"),
    [
        (b"sh: curl: not found\n", "curl"),
        (b"noise\nsh: /etc/passwd: Permission denied\n", "/etc/passwd"),
        (b"sh: line 3: /app/x: Exec format error\n", "/app/x"),
        (b"sh: exec: line 0: sh: not found\n", "sh"),
        (b"timeout: can't execute 'bash': No such file or directory\n", "bash"),
        (b"xargs: sh: No such file or directory\n", "sh"),
        (b"sh: applet not found\n", "sh"),
        (b"find: rm: No such file or directory\n", "rm"),
        (b"find: /x: No such file or directory\n", None),
        (b"xargs: can't open '/x': No such file or directory\n", None),
        (b"cat: can't open '/x': Permission denied\n", None),
        (b"sh: can't create /x: Read-only file system\n", None),
        (b"", None),
    ],
)
def test_a_program_that_was_not_started_is_told_from_one_that_failed(stderr: bytes, expected: str | None) -> None:
    assert missing_program(stderr, "find /x -exec 'rm' {} +") == expected
