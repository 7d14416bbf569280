"""Whatever a Dockerfile is made of: it is read, or refused in one line."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from image_harness.dockerfile import parse_text
from image_harness.dockerfile.shell import run_commands
from image_harness.dockerfile.words import environment
from image_harness.errors import HarnessError

WORDS = (
    *("FROM scratch\n", "FROM ", " AS ", "ARG ", "ENV ", "LABEL ", "RUN ", "CMD ", "USER ", "COPY ", "ONBUILD "),
    *("SHELL ", "HEALTHCHECK ", "# ", "# escape=", "`", "\\", "\\\n", "\n", "\r", "\t", "\v", " ", "=", "'", '"'),
    *("$", "${A:-b}", "<<EOF", "<<-'EOF'", "EOF\n", "<<<", "[", "]", ",", '["a"]', "--from=", "--", "&&", ";"),
    *(">", "|", "\ufeff", "a", "1"),
)


@settings(deadline=None, max_examples=500)
@given(words=st.lists(st.sampled_from(WORDS), max_size=25), begins=st.booleans())
def test_a_dockerfile_of_any_words_is_read_or_refused_in_one_line(words: list[str], *, begins: bool) -> None:
    told = ""
    try:
        dockerfile = parse_text(("FROM scratch\n" if begins else "") + "".join(words))
        for stage in dockerfile.stages:
            assert all(isinstance(name, str) for label in stage.all("LABEL") for name, _ in environment(label.text))
            assert all(isinstance(name, str) for env in stage.all("ENV") for name, _ in environment(env.text))
            assert all(found.words for run in stage.all("RUN") for found in run_commands(run))
    except HarnessError as error:
        told = str(error)
    assert told.isprintable()
