"""Installed distributions tell what they are, what they need, and whether their files are theirs."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping

import pytest

from image_harness.image import FileSystem, ImageError
from image_harness.image.problems import FileProblem, ProblemKind
from image_harness.image.python_distributions import (
    ConsoleScript,
    Distribution,
    all_distributions,
    python_distributions,
    verify_record,
)
from tests.image.builder import Node, Open, hard_link, symlink

SITE = "/usr/local/lib/python3.11/site-packages"


def _open(open_layers: Open, files: Mapping[str, Node | bytes]) -> FileSystem:
    return open_layers({path.lstrip("/"): node for path, node in files.items()})


def _record(path: str, content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
    return f"{path},sha256={digest},{len(content)}\n"


def _files(metadata: str = "", entry_points: str | None = None, record: str | None = None) -> dict[str, Node | bytes]:
    """Return a small distribution: one package, one module, one program."""
    contents = {"app/__init__.py": b"", "app/core.cpython-311-aarch64-linux-gnu.so": b"\x7fELF", "single.py": b"1\n"}
    script = b"#!/usr/bin/python3.11\nimport app\n"
    lines = [_record(path, content) for path, content in contents.items()]
    lines += [_record("../../../bin/app", script), "App_Name-1.2.dist-info/RECORD,,\n", "app/__pycache__/x.pyc,,\n"]
    info = f"{SITE}/App_Name-1.2.dist-info"
    points = "[console_scripts]\napp = app:main\n" if entry_points is None else entry_points
    return {
        **{f"{SITE}/{path}": content for path, content in contents.items()},
        "/usr/local/bin/app": Node(script, mode=0o755),
        "/usr/bin/python3.11": Node(b"\x7fELF", mode=0o755),
        f"{SITE}/app/__pycache__/x.pyc": b"",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: App_Name\nVersion: 1.2\n{metadata}\nName: body\n".encode(),
        f"{info}/WHEEL": b"Tag: cp311-cp311-manylinux_2_17_aarch64\nTag: cp311-cp311-linux_aarch64\n",
        f"{info}/RECORD": "".join(lines if record is None else [record]).encode(),
        f"{info}/entry_points.txt": points.encode(),
    }


def _one(fs: FileSystem) -> Distribution:
    (distribution,) = python_distributions(fs, SITE)
    return distribution


def test_a_distribution_tells_what_it_is(open_layers: Open) -> None:
    metadata = "Requires-Python: >=3.8\nRequires-Dist: a>=1\nRequires-Dist: b; extra == 'x'\n"
    distribution = _one(_open(open_layers, _files(metadata)))
    assert (distribution.name, distribution.key, distribution.version) == ("App_Name", "app-name", "1.2")
    assert distribution.requires == ("a>=1", "b; extra == 'x'")
    assert distribution.requires_python == ">=3.8"
    assert distribution.wheel_tags == ("cp311-cp311-manylinux_2_17_aarch64", "cp311-cp311-linux_aarch64")
    assert distribution.import_names == ("app", "single")
    assert distribution.console_scripts == (
        ConsoleScript("app", "app:main", "/usr/local/bin/app", "/usr/bin/python3.11", interpreter_exists=True),
    )


def test_a_record_that_fits_has_no_problems(open_layers: Open) -> None:
    fs = _open(open_layers, _files())
    assert verify_record(fs, _one(fs)) == ()


def test_files_that_are_missing_or_changed_are_told(open_layers: Open) -> None:
    files = _files()
    del files[f"{SITE}/app/__pycache__/x.pyc"]
    del files["/usr/local/bin/app"]
    files[f"{SITE}/single.py"] = b"2\n"
    fs = _open(open_layers, files)
    problems = {problem.path: problem.kind for problem in verify_record(fs, _one(fs))}
    assert problems == {
        f"{SITE}/single.py": ProblemKind.CHANGED,
        f"{SITE}/app/__pycache__/x.pyc": ProblemKind.MISSING,
        "/usr/local/bin/app": ProblemKind.MISSING,
    }
    changed = next(item for item in verify_record(fs, _one(fs)) if item.kind is ProblemKind.CHANGED)
    assert changed == FileProblem(
        f"{SITE}/single.py",
        ProblemKind.CHANGED,
        hashlib.sha256(b"1\n").hexdigest(),
        hashlib.sha256(b"2\n").hexdigest(),
    )


@pytest.mark.parametrize(
    ("change", "interpreter", "exists"),
    [
        ({"/usr/local/bin/app": b"#!/usr/local/bin/python3.11\n"}, "/usr/local/bin/python3.11", False),
        ({"/usr/bin/python3.11": b"not executable"}, "/usr/bin/python3.11", False),
        ({"/usr/bin/python3.11": symlink("python3")}, "/usr/bin/python3.11", False),
        ({"/usr/local/bin/app": b"#!/usr/bin/python3.11 -E\n"}, "/usr/bin/python3.11", True),
        ({"/usr/local/bin/app": b"\x7fELF"}, None, False),
        ({"/usr/local/bin/app": b"#!\nimport app\n"}, None, False),
        ({"/usr/local/bin/app": b"#!/usr/bin/\xe9\n"}, "/usr/bin/\udce9", False),
        ({"/usr/bin/python3.11": Node(b"", mode=0o100)}, "/usr/bin/python3.11", True),
        ({"/usr/bin/python3.11": Node(b"", mode=0o010)}, "/usr/bin/python3.11", True),
        ({"/usr/bin/python3.11": Node(b"", mode=0o001)}, "/usr/bin/python3.11", True),
        ({"/usr/local/bin/app": symlink("absent")}, None, False),
    ],
)
def test_a_program_runs_only_with_an_interpreter_that_is_there(
    open_layers: Open, change: dict[str, Node | bytes], interpreter: str | None, exists: bool
) -> None:
    (script,) = _one(_open(open_layers, {**_files(), **change})).console_scripts
    assert (script.interpreter, script.interpreter_exists) == (interpreter, exists)
    assert (script.name, script.target) == ("app", "app:main")
    assert script.path == (None if change.get("/usr/local/bin/app") == symlink("absent") else "/usr/local/bin/app")


def test_a_program_that_was_not_copied_along_has_no_path(open_layers: Open) -> None:
    files = _files(entry_points="[console_scripts]\nOther = app:other\n[gui_scripts]\napp = app:main\n")
    assert _one(_open(open_layers, files)).console_scripts == (
        ConsoleScript("Other", "app:other", None, None, interpreter_exists=False),
    )


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({f"{SITE}/x-1.dist-info/METADATA": b"Name: x\n\n"}, "x-1.dist-info/METADATA: Name or Version is missing"),
        ({f"{SITE}/x-1.dist-info/other": b""}, "x-1.dist-info/METADATA: does not exist"),
        (_files() | {f"{SITE}/App_Name-1.2.dist-info/WHEEL": b"Tag:\x80\xc2\x80\n"}, "WHEEL: byte 4 is not UTF-8"),
        (_files(entry_points="no section = 1\n"), "entry_points.txt: malformed: File contains no section headers"),
        (_files(record="a,b\n"), "RECORD: line 1 has 2 columns, not 3"),
        (_files(record="a,,\nb,sha256,1\n"), "RECORD: line 2 has no known digest"),
        (_files(record="a,magic=abc,1\n"), "RECORD: line 1 has no known digest"),
        (_files(record="a,sha256=,1\n"), "RECORD: line 1 has no known digest"),
        (_files(record="a,shake_128=abcd,1\n"), "RECORD: line 1 has no known digest"),
        (_files(record="a,,\n\nb,,1x\n"), "RECORD: line 3 has a size that is no number"),
        (_files(record="a,,\N{SUPERSCRIPT TWO}\n"), "RECORD: line 1 has a size that is no number"),
        (_files(record=f"a,,{'9' * 5000}\n"), "RECORD: line 1 has a size that is no number"),
        (_files(record=f"a,,\n{'b' * 140_000},,\n"), "RECORD: line 2 cannot be read: field larger than field limit"),
        (_files(record="a,=abcd,1\n"), "RECORD: line 1 has no known digest"),
        (_files(record="a,sha256=a,1\n"), "RECORD: line 1 has a digest that is not base64"),
    ],
)
def test_malformed_metadata_is_told(open_layers: Open, files: dict[str, Node | bytes], message: str) -> None:
    with pytest.raises(ImageError, match=message):
        python_distributions(_open(open_layers, files), SITE)


def test_a_name_may_hold_what_only_looks_like_the_end_of_a_line(open_layers: Open) -> None:
    fs = _open(open_layers, _files(record='"a\nb",,\nc\x85d\u2028,,3\n\n'))
    assert [(item.path, item.size) for item in _one(fs).files] == [
        (f"{SITE}/a\nb", None),
        (f"{SITE}/c\x85d\u2028", 3),
    ]


def test_a_digest_may_be_written_with_its_padding(open_layers: Open) -> None:
    digest = base64.urlsafe_b64encode(hashlib.sha256(b"1\n").digest()).decode()
    assert digest.endswith("=")
    fs = _open(open_layers, _files(record=f"single.py,sha256={digest},2\n"))
    assert [(item.digest, item.size) for item in _one(fs).files] == [(hashlib.sha256(b"1\n").hexdigest(), 2)]
    assert verify_record(fs, _one(fs)) == ()


def test_a_file_whose_name_ends_as_that_of_metadata_is_none(open_layers: Open) -> None:
    fs = _open(open_layers, {**_files(), "/opt/notes.dist-info": b"a text", f"{SITE}/notes.dist-info": b"a text"})
    assert [item.name for item in all_distributions(fs)] == [item.name for item in python_distributions(fs, SITE)]
    assert _one(fs).name == "App_Name"


def test_distributions_are_sorted_by_the_name_that_counts_and_have_problems_of_their_own(open_layers: Open) -> None:
    files = {
        f"{SITE}/{name}-1.dist-info/{part}": content.encode()
        for name in ("B", "a", "C")
        for part, content in (("METADATA", f"Name: {name}\nVersion: 1\n\n"), ("RECORD", f"{name}.py,,\n"))
    }
    fs = _open(open_layers, {**files, f"{SITE}/a.py": b""})
    found = python_distributions(fs, SITE)
    assert [item.name for item in found] == ["a", "B", "C"]
    assert [len(verify_record(fs, item)) for item in found] == [0, 1, 1]


def test_a_distribution_may_bring_no_programs(open_layers: Open) -> None:
    assert _one(_open(open_layers, _files(entry_points="[gui_scripts]\napp = app:main\n"))).console_scripts == ()


def test_names_of_programs_may_be_there_twice_and_hold_colons_and_percent_signs(open_layers: Open) -> None:
    points = "[console_scripts]\napp = first\nApp:%(x)s = app:main\napp = app:%s\n"
    scripts = _one(_open(open_layers, _files(entry_points=points))).console_scripts
    assert [(item.name, item.target) for item in scripts] == [("app", "app:%s"), ("App:%(x)s", "app:main")]


def test_distributions_are_found_wherever_they_are(open_layers: Open) -> None:
    files = _files()
    elsewhere = {path.replace(SITE, "/opt/other"): node for path, node in files.items() if SITE in path}

    found = all_distributions(_open(open_layers, {**files, **elsewhere}))

    assert [item.path.rpartition("/")[0] for item in found] == ["/opt/other", SITE]


def test_a_site_packages_directory_that_is_not_there_is_an_error_not_an_empty_list(open_layers: Open) -> None:
    with pytest.raises(ImageError, match="does not exist"):
        python_distributions(_open(open_layers, {"/a": b""}), SITE)


def test_a_record_may_lead_out_of_site_packages_but_not_out_of_the_image(open_layers: Open) -> None:
    fs = _open(open_layers, _files(record="../../../../../../../etc/passwd,,\n"))
    assert verify_record(fs, _one(fs)) == (FileProblem("/etc/passwd", ProblemKind.MISSING, "", None),)


def test_one_record_in_two_places_tells_of_each_places_own_files(open_layers: Open) -> None:
    info, other = "App_Name-1.2.dist-info", "/opt/site-packages"
    files = _files()
    files[f"{other}/{info}/METADATA"] = files[f"{SITE}/{info}/METADATA"]
    files[f"{other}/{info}/RECORD"] = hard_link(f"{SITE}/{info}/RECORD".lstrip("/"))
    fs = _open(open_layers, files)
    (here,), (there,) = python_distributions(fs, SITE), python_distributions(fs, other)
    assert (here.files[0].path, there.files[0].path) == (f"{SITE}/app/__init__.py", f"{other}/app/__init__.py")
