"""How many changes of the harness's own code its tests notice, as ``mutmut run`` has found out.

    mutmut run [NAME...]
    python -m benchmarks mutation_score [--out FILE]

Reads what mutmut left in ``mutants/``: of each area the mutants tried, those that a test killed or that never ended,
and those that survived, each with what it changed and why no test noticed. The exit code is 1 when an area is below
85 %.
"""

from __future__ import annotations

import argparse
import difflib
import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MUTANTS = ROOT / "mutants"
WANTED = 0.85
AREAS = {
    "design": ("image_harness/design", "image_harness/yaml_source.py"),
    "image": ("image_harness/image",),
    "verdict": ("image_harness/plugin/verdicts.py", "image_harness/plugin/result.py"),
    "report": ("image_harness/report",),
}
_INTRODUCTION = """# Mutation testing

How many changes of the harness's own code its tests notice. [mutmut](https://mutmut.readthedocs.io) changes one thing
at a time in what reads designs, reads images, comes to a verdict and reports it - a number, a word, a comparison, an
argument - and runs the tests that come by it, but for those that damage images at random: what chance finds would be
another figure each time. It leaves decorated functions alone, and so properties; what they say is seen in the whole
reports of `tests/report/expected`. Made by:

```
tox run -e mutation [-- NAME...]
python -m benchmarks mutation_score --out docs/mutation-testing.md
```

`NAME` chooses mutants, such as `"image_harness.design*"`; without one it takes all of them, which is more than an hour
on two processors. A mutant that never ends is noticed too: the tests have a time limit. At least 85 % are to be noticed
in each area. Those that are not are listed below by the reason why, as the last whole run left them: what has changed
since stands there as it was."""
_SURVIVED, _UNTESTED = 0, 33
_TIMED_OUT = (-24, 24, 36, 152, 255)
_ORIGINAL = "__mutmut_orig"
_NUMBER = re.compile(r"__mutmut_\d+$")
_STRING = re.compile(r"""f?r?b?"(?:[^"\\]|\\.)*"|f?r?b?'(?:[^'\\]|\\.)*'""")
_REASONS = {
    "told": "what a user is told beside the problem itself: where, or what to do; its tests read the rest",
    "words": "the words of a message, of which the tests read a part",
    "same": "it does the same: what was left out is the default, or can make no difference here",
    "number": "exactly where a limit lies, or how much is read at once, is no promise",
    "space": "white space and widths, where nothing is lost",
    "gap": "no test tells the two apart: what a test could still be written for",
}
# Names of codecs and of headers count in any case; by what name an answer is kept matters only where two share one.
_SAME = re.compile(
    r"strict=|by_alias|mode=|usedforsecurity|daemon=|cast\(|default=|include_|UTF-8|read_text\(None|items\) "
    r"|read_across_frames|hashlib|json_schema_input_type|metadata\[|\.get_all\(|\.once(?:_of_all)?\("
)
_RULES = (
    (
        "told",
        re.compile(
            r"(?:where|fix)=|Error\(None|_fail\(None|_error\([^)]*None|(?:Spool|Budget|printable|parse)\(.*None"
        ),
    ),
    ("number", re.compile(r"[<>]=? (?:[A-Z_]{3,}|\d)|_LIMIT|_PIECE|\*\* ?\d|most_common|, \d+\)$")),
    ("space", re.compile(r"_blocks|indent|_NARROWEST|width|_CELLS|\[: max")),
)


@dataclass(frozen=True, slots=True)
class Survivor:
    """A change that no test noticed.

    Attributes:
        function: Module and function.
        before: The lines that it changed.
        after: What they became.
    """

    function: str
    before: str
    after: str

    @property
    def reason(self) -> str:
        """Why no test noticed, as a key of the reasons."""
        changed = _changed(self.before, self.after)
        if _SAME.search(changed):
            return "same"
        if _STRING.sub('""', self.before) == _STRING.sub('""', self.after) and " " in self.before:
            return "words"
        return next((name for name, form in _RULES if form.search(changed)), "gap")


@dataclass(frozen=True, slots=True)
class Area:
    """What became of the mutants of a part of the harness.

    Attributes:
        made: How many there are; where not all of them were tried, those that were are a sample.
        killed: How many a test noticed.
        timed_out: How many never ended, which is noticed as well.
        untested: How many no test comes by.
        survivors: Those that nothing noticed.
    """

    made: int
    killed: int
    timed_out: int
    untested: int
    survivors: tuple[Survivor, ...]

    @property
    def tried(self) -> int:
        """How many mutants were tried."""
        return self.killed + self.timed_out + self.untested + len(self.survivors)

    @property
    def score(self) -> float:
        """The share that was noticed, 0 to 1; 0 when none was tried."""
        return (self.killed + self.timed_out) / self.tried if self.tried else 0.0


def main(arguments: Sequence[str]) -> None:
    """Print the table and the survivors."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks mutation_score")
    parser.add_argument("--out", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    if not MUTANTS.is_dir():
        raise SystemExit("mutation_score: there is no folder mutants/; run mutmut first")
    areas = {name: measure(paths) for name, paths in AREAS.items()}
    page = render(areas)
    print(page, end="")
    if options.out is not None:
        options.out.write_text(page)
    low = [name for name, area in areas.items() if area.score < WANTED]
    if low:
        raise SystemExit(f"mutation_score: below {WANTED:.0%}: {', '.join(low)}")


def measure(paths: Sequence[str]) -> Area:
    """Count what became of the mutants of these modules and packages."""
    made, counts = 0, Counter[int]()
    survivors: list[Survivor] = []
    for module in _modules(paths):
        codes = json.loads(module.with_name(f"{module.name}.meta").read_text())["exit_code_by_key"]
        tried = {key: code for key, code in codes.items() if code is not None}
        made += len(codes)
        counts.update(tried.values())
        survivors += _survivors(module, [key for key, code in sorted(tried.items()) if code == _SURVIVED])
    timed_out, untested = sum(counts[code] for code in _TIMED_OUT), counts[_UNTESTED]
    killed = counts.total() - timed_out - untested - len(survivors)
    return Area(made, killed, timed_out, untested, tuple(survivors))


def _modules(paths: Sequence[str]) -> Iterator[Path]:
    for path in paths:
        found = MUTANTS / path
        modules = sorted(found.glob("*.py")) if found.is_dir() else [found]
        yield from (module for module in modules if module.with_name(f"{module.name}.meta").exists())


def _survivors(module: Path, keys: Sequence[str]) -> Iterator[Survivor]:
    if not keys:
        return
    spans: Mapping[str, tuple[int, int]] = json.loads(module.with_name(f"{module.name}.spans").read_text())["spans"]
    lines = module.read_text().splitlines()
    name = module.relative_to(MUTANTS / "image_harness").with_suffix("").as_posix().replace("/", ".")
    for key in keys:
        mutant = key.rpartition(".")[2]
        function = _NUMBER.sub("", mutant)
        before, after = (lines[spans[one][0] - 1 : spans[one][1]] for one in (function + _ORIGINAL, mutant))
        plain = function.removeprefix("x_").replace("xǁ", "").replace("ǁ", ".")
        yield Survivor(f"{name}.{plain}", *_difference(before, after))


def _difference(before: Sequence[str], after: Sequence[str]) -> tuple[str, str]:
    lines = [line for line in difflib.ndiff(before, after) if "__mutmut_" not in line]
    sides = [" ".join(line[2:].strip() for line in lines if line.startswith(mark)) for mark in ("- ", "+ ")]
    return sides[0], sides[1]


def _changed(before: str, after: str) -> str:
    """The words of a line that are not the same, and the words around them."""
    sides = before.split(), after.split()
    blocks = difflib.SequenceMatcher(None, *sides, autojunk=False).get_opcodes()
    changed = [block for block in blocks if block[0] != "equal"]
    if not changed:
        return before
    first, last = changed[0], changed[-1]
    return " ".join((*sides[0][max(first[1] - 1, 0) : last[2] + 1], *sides[1][max(first[3] - 1, 0) : last[4] + 1]))


def render(areas: Mapping[str, Area]) -> str:
    """The table and the survivors as Markdown."""
    rows = ["| area | mutants | tried | killed | without end | untested | survived | noticed |", f"|---|{'--:|' * 7}"]
    for name, area in areas.items():
        figures = (
            area.made,
            area.tried,
            area.killed,
            area.timed_out,
            area.untested,
            len(area.survivors),
            f"{area.score:.0%}",
        )
        rows.append(f"| {name} | {' | '.join(map(str, figures))} |")
    parts = [_INTRODUCTION, "\n".join(rows)]
    for name, area in areas.items():
        parts += [f"## Survivors: {name}", *_listed(area.survivors)]
    return "\n\n".join(parts) + "\n"


def _listed(survivors: Sequence[Survivor]) -> Iterator[str]:
    by_reason: dict[str, list[Survivor]] = defaultdict(list)
    for survivor in survivors:
        by_reason[survivor.reason].append(survivor)
    for reason, text in _REASONS.items():
        if found := by_reason[reason]:
            yield f"{len(found)} times {text}:"
            yield "\n".join(f"- `{one.function}`: `{_cut(one.before)}` → `{_cut(one.after)}`" for one in found)


def _cut(text: str, width: int = 150) -> str:
    plain = text.replace("`", "'") or "(nothing)"
    return plain if len(plain) <= width else f"{plain[: width - 3]}..."


if __name__ == "__main__":
    main(sys.argv[1:])
