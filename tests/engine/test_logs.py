"""What a container has written, and what of it is marked."""

from __future__ import annotations

import pytest

from image_harness.engine.logs import marked


@pytest.mark.parametrize(
    ("output", "found"),
    [
        ("", None),
        ("M {}\n", "{}"),
        ("noise\nM {}\nlater\n", "{}"),
        ("noise\nM {", None),
        ("noise M {}\n", None),
        ("m {}\n", None),
        ("M {}\r\n", "{}\r"),
    ],
)
def test_what_is_marked_is_the_rest_of_a_whole_line(output: str, found: str | None) -> None:
    assert marked(output, "M ") == found
