from __future__ import annotations

from pathlib import Path

import pytest

from image_harness.dockerfile import Dockerfile, parse_dockerfile, parse_text
from image_harness.errors import HarnessError

TWO_STAGES = """\
# escape=\\
ARG VERSION=1.0.0
ARG REVISION

FROM --platform=$TARGETPLATFORM python:3.11 AS builder
RUN --mount=type=cache,target=/a,sharing=locked \\
    # a comment between
    apt-get update && \\

    apt-get install -y curl
FROM scratch
COPY --from=builder --chown=1:2 /x /y
CMD ["/bin/x", "a b"]
"""


def parsed() -> Dockerfile:
    return parse_text(TWO_STAGES)


def test_arguments_before_the_first_from_are_global() -> None:
    assert [(argument.name, argument.default) for argument in parsed().arguments] == [
        ("VERSION", "1.0.0"),
        ("REVISION", None),
    ]


def test_stages_have_base_name_and_platform() -> None:
    stages = parsed().stages

    assert [(stage.base, stage.name, stage.platform) for stage in stages] == [
        ("python:3.11", "builder", "$TARGETPLATFORM"),
        ("scratch", None, None),
    ]


def test_a_stage_is_found_by_its_name() -> None:
    builder = parsed().stage("builder")

    assert builder is not None
    assert builder.base == "python:3.11"


def test_comments_and_empty_lines_inside_an_instruction_fall_out() -> None:
    run = parsed().stages[0].all("RUN")[0]

    assert " ".join(run.text.split()) == "apt-get update && apt-get install -y curl"


def test_flags_are_taken_off_the_text() -> None:
    copy = parsed().final.all("COPY")[0]

    assert (copy.flag("from"), copy.flag("chown"), copy.text) == ("builder", "1:2", "/x /y")


def test_a_flag_may_be_repeated() -> None:
    run = parse_text("FROM x\nRUN --mount=type=a --mount=type=b true").final.all("RUN")[0]

    assert run.flag_values("mount") == ("type=a", "type=b")


@pytest.mark.parametrize(
    ("mount", "over"),
    [
        ("type=bind,target=/app", True),
        ("type=bind,dst=/app/part/", True),
        ("type=tmpfs,destination=/", True),
        ("type=cache,TARGET=/srv/../app", True),
        ("type=bind,target=app", True),
        ("type=bind,target=/$WHERE", True),
        ("type=bind,source=/app,target=/apple", False),
        ("type=secret,id=x", False),
    ],
)
def test_a_mount_stands_in_for_what_is_above_or_below_its_target(mount: str, over: bool) -> None:
    run = parse_text(f"FROM x\nRUN --mount={mount} --mount=type=cache,target=/var true").final.all("RUN")[0]

    assert run.mounts_over("/app") is over


def test_json_form_gives_words_and_shell_form_none() -> None:
    final = parse_text('FROM x\nCMD ["a", "b c"]\nENTRYPOINT a b').final

    assert final.all("CMD")[0].exec_form == ("a", "b c")
    assert final.all("ENTRYPOINT")[0].exec_form is None


def test_broken_json_is_the_shell_form_as_docker_has_it() -> None:
    assert parse_text("FROM x\nCMD ['a']").final.all("CMD")[0].exec_form is None
    assert parse_text('FROM x\nCMD ["a"] ["b"]').final.all("CMD")[0].exec_form == ("a",)


def test_an_empty_json_list_is_not_the_shell_form() -> None:
    assert parse_text("FROM x\nENTRYPOINT []").final.all("ENTRYPOINT")[0].exec_form == ()


def test_the_probe_of_a_health_check_is_found_behind_cmd() -> None:
    health = parse_text('FROM x\nHEALTHCHECK --interval=30s CMD ["p", "q"]').final.all("HEALTHCHECK")[0]

    assert health.exec_form == ("p", "q")
    assert health.flag("interval") == "30s"


def test_text_in_a_comment_is_no_instruction() -> None:
    assert parse_text("FROM x\n# USER 65532\n").final.all("USER") == ()


def test_here_documents_are_kept_apart_from_the_next_instruction() -> None:
    final = parse_text("FROM x\nRUN <<EOF\nUSER root\nEOF\nUSER 1").final

    assert final.all("RUN")[0].documents == ("USER root",)
    assert [user.text for user in final.all("USER")] == ["1"]


def test_a_here_document_may_strip_tabs() -> None:
    assert parse_text("FROM x\nRUN <<-E\n\ta\n\tE\n").final.all("RUN")[0].documents == ("a",)


def test_the_escape_directive_changes_the_continuation() -> None:
    final = parse_text("# escape=`\nFROM x\nRUN a `\n  b\n").final

    assert final.all("RUN")[0].text.split() == ["a", "b"]


@pytest.mark.parametrize("mark", ["\v", "\f", "\r", "\x1c", "\x85", "\u2028"])
def test_nothing_but_a_line_feed_ends_a_line(tmp_path: Path, mark: str) -> None:
    (tmp_path / "Dockerfile").write_bytes(f"FROM x\n# a comment{mark}USER 65532\n".encode())
    assert parse_dockerfile(tmp_path / "Dockerfile").final.all("USER") == ()


def test_an_escape_that_is_escaped_continues_nothing() -> None:
    final = parse_text("FROM x\nRUN echo \\\\\nUSER root\n").final
    assert [user.text for user in final.all("USER")] == ["root"]


def test_only_a_word_of_its_own_begins_a_here_document() -> None:
    final = parse_text('FROM x\nRUN cat <<<EOF a<<EOF "<<EOF"\nUSER root\nRUN cat 3<<E.F\nUSER 1\nE.F\n').final
    assert [user.text for user in final.all("USER")] == ["root"]


def test_what_is_nested_without_end_is_the_shell_form() -> None:
    assert parse_text(f"FROM x\nCMD {'[' * 100_000}").final.all("CMD")[0].exec_form is None


def test_a_directive_after_another_line_is_a_comment() -> None:
    assert parse_text("FROM x\n# syntax=y\n").directives == {}


def test_a_directive_after_a_shebang_is_one() -> None:
    assert parse_text("#!/usr/bin/env build\n# syntax=x\nFROM a").directives == {"syntax": "x"}
    assert parse_text("#!/usr/bin/env build\n# escape=`\nFROM a").directives == {}
    with pytest.raises(HarnessError, match="no FROM"):
        parse_text("#!/usr/bin/env build")


def test_instructions_know_their_first_line() -> None:
    assert parsed().final.all("CMD")[0].line == 13


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("RUN true", "there is no FROM"),
        ("ENV A=1\nFROM x", "ENV before the first FROM"),
        ("FROM x\nFLY away", "unknown instruction 'FLY'"),
        ("FROM x y", "FROM takes an image"),
        ("FROM x\nRUN <<EOF\na", "the here-document 'EOF' does not end"),
        ("FROM x\nONBUILD RUN <<EOF\na", "the here-document 'EOF' does not end"),
        ("FROM x\nENV A='b", "Dockerfile:2: no closing quotation; close the quote, or escape it"),
        ("FROM x\nENV 'A '", "Dockerfile:2: no closing quotation"),
        ("FROM x\nLABEL a=b c", "Dockerfile:2: 'c' sets nothing; write NAME=VALUE"),
        ("FROM x\nCMD [1]", "Dockerfile:2: a JSON list may hold texts only"),
        ("# syntax=y\n# escape=x\nFROM x", "Dockerfile:2: the escape character is 'x'; take \\ or `"),
    ],
)
def test_a_broken_rule_is_told_in_one_line(text: str, message: str) -> None:
    with pytest.raises(HarnessError) as raised:
        parse_text(text)

    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="nowhere: cannot be read"):
        parse_dockerfile(tmp_path / "nowhere")
