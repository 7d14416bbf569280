"""What the Python programs of a RUN prove: what they import and assert for certain, however it is written."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable
from typing import Final

_SIMPLE: Final = (ast.Import, ast.ImportFrom, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Assert, ast.Expr)
# What ends a program, and what may do so, or give a name another meaning, unseen.
_DIVERTING: Final = frozenset(
    {
        *("exit", "quit", "_exit", "abort", "kill", "killpg", "raise_signal", "SystemExit"),
        *("execl", "execle", "execlp", "execlpe", "execv", "execve", "execvp", "execvpe"),
        *("exec", "eval", "getattr", "setattr", "globals", "vars", "builtins", "__builtins__", "__import__"),
        "*",
    }
)


@functools.lru_cache(maxsize=128)
def certain(program: str) -> tuple[ast.stmt, ...]:
    """Return the statements that run whenever a program succeeds: all before one that may end it or take a side way."""
    try:
        body = ast.parse(program).body
    except (SyntaxError, ValueError, RecursionError):
        return ()
    end = next((i for i, statement in enumerate(body) if _diverts(statement)), len(body))
    return tuple(body[:end])


def _diverts(statement: ast.stmt) -> bool:
    return not isinstance(statement, _SIMPLE) or any(name in _DIVERTING for name in _mentioned(statement))


def _mentioned(statement: ast.stmt) -> set[str]:
    """Return the names and attributes that a statement mentions."""
    found: set[str] = set()
    for node in ast.walk(statement):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                found.add(name)
            case ast.alias(name=name):
                found.update(name.split("."))
    return found


def imports(statements: Iterable[ast.stmt]) -> set[str]:
    """Return the names that plain ``import a, b`` statements name."""
    return {alias.name for statement in statements if isinstance(statement, ast.Import) for alias in statement.names}


def prints(statements: Iterable[ast.stmt], expression: str) -> bool:
    """Tell whether a statement prints an expression."""
    return any(
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Call)
        and ast.unparse(statement.value.func) == "print"
        and expression in map(ast.unparse, statement.value.args)
        for statement in statements
    )


def asserts(statements: tuple[ast.stmt, ...], expression: str, **names: str) -> bool:
    """Tell whether a statement asserts an expression and nothing else, while names in it stand for what they should.

    A name stands for the expression that it was last assigned, or for the module ``import name``.
    """
    wanted = _normal(expression)
    meanings = {name: _normal(meaning) for name, meaning in names.items()}
    return any(test == wanted and meanings.items() <= found.items() for test, found in _assertions(statements))


@functools.lru_cache(maxsize=128)
def _assertions(statements: tuple[ast.stmt, ...]) -> tuple[tuple[str, dict[str, str]], ...]:
    """Return each asserted expression, and what names stand for where it is."""
    found: dict[str, str] = {}
    asserted = []
    for statement in statements:
        if isinstance(statement, ast.Assert):
            asserted.append((ast.unparse(statement.test), dict(found)))
        found |= _bound(statement)
    return tuple(asserted)


@functools.lru_cache(maxsize=512)
def _normal(code: str) -> str:
    (statement,) = ast.parse(code).body
    return ast.unparse(statement.value if isinstance(statement, ast.Expr) else statement)


def _bound(statement: ast.stmt) -> dict[str, str]:
    """Return what a statement makes names stand for; "" where it is not told in a plain way."""
    found: dict[str, str] = {}
    for node in ast.walk(statement):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                found[name] = ""
            case ast.Attribute(ctx=ast.Store() | ast.Del()):
                found[ast.unparse(node).partition(".")[0]] = ""
            case ast.alias(name=name, asname=asname):
                found[asname or name.partition(".")[0]] = ""
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            found[name] = ast.unparse(value)
        case ast.Import(names=names):
            found |= {alias.name: f"import {alias.name}" for alias in names if alias.asname is None}
    return found


def proves(statements: Iterable[ast.stmt], sources: set[str]) -> bool:
    """Tell whether a statement asserts something plain that comes from all of some texts and names, if by detours."""
    origins: dict[str, set[str]] = {}
    for statement in statements:
        match statement:
            case ast.Assert(test=(ast.Compare() | ast.UnaryOp(op=ast.Not(), operand=ast.Name())) as test):
                if sources <= _origins(test, origins):
                    return True
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                origins[name] = _origins(value, origins)
            case ast.AugAssign(target=ast.Name(id=name), value=value):
                origins[name] = origins.get(name, set()) | _origins(value, origins)
    return False


def _origins(expression: ast.expr, known: dict[str, set[str]]) -> set[str]:
    """Return the texts and names that an expression is made of, and those that they come from."""
    found: set[str] = set()
    for node in ast.walk(expression):
        match node:
            case ast.Name(id=name):
                found |= {name, *known.get(name, ())}
            case ast.Constant(value=str(text)):
                found.add(text)
    return found
