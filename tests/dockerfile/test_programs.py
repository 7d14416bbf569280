from __future__ import annotations

import pytest

from image_harness.dockerfile.programs import asserts, certain, imports, prints, proves

EXISTS = "os.path.exists(path)"


def asserted(program: str) -> bool:
    return asserts(certain(program), EXISTS, os="import os", path="'/a'")


@pytest.mark.parametrize(
    "program",
    [
        "import os; path = '/a'; assert os.path.exists(path)",
        'import sys, os; path = "/a"; print(1); assert os.path.exists( path ), "gone"',
        "import os; path = '/b'; path = '/a'; assert os.path.exists(path); exit(0)",
    ],
)
def test_an_assertion_of_the_expression_is_found_however_it_is_written(program: str) -> None:
    assert asserted(program)


@pytest.mark.parametrize(
    "assertion",
    ["assert os.path.exists(path) or True", "assert not os.path.exists(path)", "print(os.path.exists(path))"],
)
def test_what_asserts_something_else_is_no_assertion_of_the_expression(assertion: str) -> None:
    assert not asserted(f"import os; path = '/a'; {assertion}")


@pytest.mark.parametrize(
    "before",
    [
        "import sys; sys.exit(0)",
        "from sys import exit as e; e(0)",
        "exit()",
        "os._exit(0)",
        "raise SystemExit",
        "assert exit()",
        "x = exec('')",
        "from made_up import *",
        "os.kill(os.getpid(), 9)",
    ],
)
def test_what_follows_a_statement_that_may_end_the_program_is_not_certain(before: str) -> None:
    assert not asserted(f"import os; path = '/a'; {before}; assert os.path.exists(path)")


@pytest.mark.parametrize("compound", ["if x:", "while x:", "def f():", "try:", "for x in y:"])
def test_what_another_statement_holds_is_not_certain(compound: str) -> None:
    end = "\nfinally:\n  pass" if compound == "try:" else ""

    assert not asserted(f"import os; path = '/a'\n{compound}\n  assert os.path.exists(path){end}")


@pytest.mark.parametrize(
    "before",
    [
        "path = '/b'",
        "path += '/b'",
        "path, x = '/b', 1",
        "x = (path := '/b')",
        "import a as path",
        "from a import path",
        "os = 1",
        "import a as os",
        "os.path.exists = print",
        "del path",
    ],
)
def test_names_stand_for_what_they_should_or_nothing_is_asserted(before: str) -> None:
    assert not asserted(f"import os; path = '/a'; {before}; assert os.path.exists(path)")


def test_a_program_that_cannot_be_read_proves_nothing() -> None:
    assert certain("assert (") == ()
    assert certain("\0") == ()


def test_imports_are_what_plain_statements_name() -> None:
    assert imports(certain("import a, b.c; from d import e; import f as g; exit(); import h")) == {"a", "b.c", "f"}


def test_what_is_printed_is_an_argument_of_print() -> None:
    assert prints(certain("print('x', a.b)"), "a.b")
    assert not prints(certain("print('a.b'); a.b; str(a.b)"), "a.b")


PROOF = "root = P('/a'); all = [n + '.py' for n in ('b', 'c')]; all += [root]; gone = [p for p in all if not p]; "


@pytest.mark.parametrize("assertion", ["assert not gone", "assert gone == [], 'gone'"])
def test_what_is_asserted_comes_from_what_names_were_assigned(assertion: str) -> None:
    assert proves(certain(PROOF + assertion), {"/a", "b"})
    assert not proves(certain(PROOF + assertion), {"/a", "d"})


@pytest.mark.parametrize(
    "assertion", ["assert not gone or True", "assert True, gone", "gone = []; assert not gone", "print(not gone)"]
)
def test_what_is_not_asserted_plainly_proves_nothing(assertion: str) -> None:
    assert not proves(certain(PROOF + assertion), {"/a", "b"})
