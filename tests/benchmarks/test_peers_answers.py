"""What each tool prints, and what is taken from it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.peers import goss, harness, stock_testinfra, structure_test
from benchmarks.peers.assertions import assertions, structure
from benchmarks.peers.model import Answer, Assertion, Expression, Outcome, Tool
from image_harness.design import load_design

pytest_plugins = ["pytester"]

DESIGN = load_design(Path(__file__).parents[2] / "designs" / "rdp-monitor.yaml")


def asked(tool: Tool, means: str, words: object, id_: str = "one") -> Assertion:
    said: dict[Tool, Expression | str] = dict.fromkeys(Tool, "not asked")
    return Assertion(id_, "something holds", "", {**said, tool: Expression(means, words)})


class TestAssertions:
    def test_all_requirements_are_of_the_design(self) -> None:
        known = {requirement.id for requirement in DESIGN.catalogue}
        both = (*assertions(DESIGN), *structure(DESIGN))
        named = {id_ for item in both if (said := item.expression(Tool.HARNESS)) for id_ in said.words}

        assert named - known == set()

    def test_ids_are_unique_and_each_has_a_mutant(self) -> None:
        found = assertions(DESIGN)

        assert len({item.id for item in found}) == len(found)
        assert all(item.mutant for item in found)

    def test_structure_is_21_checks_that_container_structure_test_can_express(self) -> None:
        names = [name for _, about in structure_test.configurations(structure(DESIGN)) for name in about]

        assert len(names) == len(set(names)) == 21

    def test_tool_that_cannot_say_it_has_a_reason(self) -> None:
        for item in assertions(DESIGN):
            assert all(item.expression(tool) or item.why_not(tool) for tool in Tool)


class TestStructureTest:
    def test_each_check_of_the_configuration_has_its_own_file(self) -> None:
        tool = Tool.STRUCTURE_TEST
        files = structure_test.configurations(
            [
                asked(tool, "metadataTest", {"user": "1"}, "user"),
                asked(tool, "fileExistenceTests", {"path": "/a"}, "file"),
                asked(tool, "metadataTest", {"cmd": ["a"]}, "command"),
                asked(tool, "commandTests", {"command": "a"}, "imports"),
                asked(Tool.GOSS, "file", {}, "another tool's"),
            ]
        )

        assert files == [
            (
                {
                    "commandTests": [{"name": "imports", "command": "a"}],
                    "fileExistenceTests": [{"name": "file", "path": "/a"}],
                },
                ["imports", "file"],
            ),
            ({"metadataTest": {"user": "1"}}, ["user"]),
            ({"metadataTest": {"cmd": ["a"]}}, ["command"]),
        ]

    def test_only_checks_of_the_configuration_make_no_empty_file(self) -> None:
        files = structure_test.configurations([asked(Tool.STRUCTURE_TEST, "metadataTest", {"user": "1"}, "user")])

        assert files == [({"metadataTest": {"user": "1"}}, ["user"])]

    def test_error_of_its_own_is_no_answer(self) -> None:
        output = json.dumps(
            {
                "Results": [
                    {"Name": "Metadata Test", "Pass": True},
                    {"Name": "Metadata Test", "Pass": False, "Errors": ["Image user 0 does not match config user: 1"]},
                    {"Name": "three", "Pass": False, "Errors": ["error setting env vars: Error creating container: x"]},
                ]
            }
        )

        found = structure_test.parse(output, ["one", "two", "three"])

        assert [answer.outcome for answer in found.values()] == [Outcome.PASSED, Outcome.FAILED, Outcome.NO_ANSWER]
        assert "does not match" in found["two"].message

    def test_answers_that_are_missing_end_the_run(self) -> None:
        with pytest.raises(SystemExit, match="answered 0 of 1"):
            structure_test.parse('{"Results": []}', ["one"])


class TestGoss:
    @staticmethod
    def result(property_: str, result: int, err: str | None = None) -> dict[str, object]:
        compact = f"File: /a: {property_}: something"
        told = {"property": property_, "result": result, "err": err, "summary-line-compact": compact}
        return {"resource-type": "File", "resource-id": "/a", **told}

    @pytest.mark.parametrize(
        ("results", "outcome"),
        [
            ([("exists", 0, None), ("mode", 0, None)], Outcome.PASSED),
            ([("exists", 0, None), ("mode", 1, None)], Outcome.FAILED),
            ([("exists", 1, None), ("mode", 2, None)], Outcome.FAILED),
            ([("exists", 0, None), ("mode", 1, "no such program")], Outcome.NO_ANSWER),
            ([("exists", 0, None), ("mode", 2, None)], Outcome.NO_ANSWER),
            ([], Outcome.NO_ANSWER),
        ],
    )
    def test_answer(self, results: list[tuple[str, int, str | None]], outcome: Outcome) -> None:
        output = json.dumps({"results": [self.result(*result) for result in results]})

        found = goss.parse(output, "", [asked(Tool.GOSS, "file", {"/a": {"exists": True}})])

        assert found["one"].outcome is outcome

    def test_output_that_is_no_json_ends_the_run_with_what_it_said(self) -> None:
        with pytest.raises(SystemExit, match="exec format error"):
            goss.parse("", "exec format error", [])

    def test_two_assertions_about_one_resource_are_refused(self) -> None:
        one = asked(Tool.GOSS, "file", {"/a": {"exists": True}})

        with pytest.raises(ValueError, match="two assertions"):
            goss.gossfile([one, one])

    def test_all_that_it_can_express_fits_one_file(self) -> None:
        assert goss.gossfile(assertions(DESIGN)).keys() == {"file", "package", "command", "port", "http"}


class TestTestinfra:
    HOST = """
import pytest

@pytest.fixture
def host():
    class Host:
        def trouble(self):
            raise AssertionError("Unexpected exit code 126 for Result(backend=<a.B object at 0x7f>, exit_status=126)")

    return Host()
"""
    ASKED = (
        asked(Tool.TESTINFRA, "file", "True", "passes"),
        asked(Tool.TESTINFRA, "file", "False", "says no"),
        asked(Tool.TESTINFRA, "file", "host.trouble()", "cannot look"),
    )

    def test_raising_within_testinfra_is_no_answer_and_a_no_is_one(self, pytester: pytest.Pytester) -> None:
        text = stock_testinfra.module("name", self.ASKED)
        pytester.makepyfile(test_image=text)
        pytester.makeconftest(self.HOST)
        pytester.runpytest_subprocess("--junitxml=report.xml", "-p", "no:image-harness")

        found = stock_testinfra.parse((pytester.path / "report.xml").read_text(), self.ASKED)

        assert {name: answer.outcome for name, answer in found.items()} == {
            "passes": Outcome.PASSED,
            "says no": Outcome.FAILED,
            "cannot look": Outcome.NO_ANSWER,
        }
        assert "exit code 126 for Result(exit_status=126)" in found["cannot look"].message


class TestHarness:
    @pytest.mark.parametrize(
        ("statuses", "answer"),
        [
            (("met", "met"), Answer(Outcome.PASSED)),
            (("met", "not-met"), Answer(Outcome.FAILED, "not-met")),
            (("unproven", "met"), Answer(Outcome.NO_ANSWER, "unproven")),
            (("unproven", "not-met"), Answer(Outcome.FAILED, "not-met")),
        ],
    )
    def test_every_requirement_counts(self, statuses: tuple[str, str], answer: Answer) -> None:
        requirements = [
            {"id": id_, "status": status, "checks": [{"message": "" if status == "met" else status}]}
            for id_, status in zip("ab", statuses, strict=True)
        ]

        found = harness.parse(
            json.dumps({"requirements": requirements}), [asked(Tool.HARNESS, "requirement", ("a", "b"))]
        )

        assert found == {"one": answer}
