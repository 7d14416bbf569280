from __future__ import annotations

from image_harness.dockerfile.words import assignments, environment


def test_assignments_take_quotes_off() -> None:
    assert assignments("A=1 B=\"two words\" C='3'") == (("A", "1"), ("B", "two words"), ("C", "3"))


def test_a_name_without_a_value_has_none() -> None:
    assert assignments("A") == (("A", None),)


def test_variables_stay_as_written() -> None:
    assert assignments('A="${B}"') == (("A", "${B}"),)


def test_environment_knows_the_old_form() -> None:
    assert environment("NAME some value") == (("NAME", "some value"),)
    assert environment("NAME\tsome  value") == (("NAME", "some  value"),)
    assert environment("'NA'ME a  \"b c\" d\\e ''") == (("NAME", "a  b c de "),)


def test_what_an_argument_is_stays_as_written_where_a_quote_does_not_end() -> None:
    assert assignments("A='b c") == (("A", "'b"), ("c", None))
