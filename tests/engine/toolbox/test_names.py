from __future__ import annotations

from image_harness.engine.toolbox.names import Accounts

PASSWD = "root:x:0:0::/root:/x\nalias:x:0:0::/:/x\nbroken\nworse:x:y:0::/:/x\nnone:x:\N{SUPERSCRIPT TWO}:0::/:/x\n"


def test_the_first_name_of_an_id_counts_and_other_lines_do_not_matter() -> None:
    names = Accounts.parse(PASSWD, "tty:x:5:\n")
    assert (names.user(0), names.group(5)) == ("root", "tty")


def test_an_id_without_a_name_stands_for_itself() -> None:
    assert Accounts.parse(PASSWD, "").user(12) == "12"
    assert Accounts.parse(PASSWD, "").group(12) == "12"
