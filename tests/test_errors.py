from __future__ import annotations

from image_harness.errors import HarnessError


def test_a_problem_is_one_line_that_steers_no_terminal() -> None:
    error = HarnessError("signed with\nanother key: \x1b[2K\x1b[1Gall is well", where="a\nb\udcff", fix="look\u202e")
    assert str(error) == r"a\nb\udcff: signed with another key: \x1b[2K\x1b[1Gall is well; look\u202e"
