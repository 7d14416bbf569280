from __future__ import annotations

from pathlib import Path

import pytest

from image_harness.errors import HarnessError
from image_harness.nightly.nodes import Node, builder, create_arguments, load_nodes

MIXED = "build: [{endpoint: unix:///run/docker.sock, driver: engine}, {driver: kubernetes}]"


def test_a_file_names_builder_nodes_and_engines(tmp_path: Path) -> None:
    path = tmp_path / "nodes.yaml"
    path.write_text(
        "build:\n"
        "  - {endpoint: tcp://arm64.example:1234, driver: remote, platforms: [linux/arm64]}\n"
        "  - {endpoint: unix:///run/docker.sock, driver: engine}\n"
        "check: {docker: [tcp://127.0.0.1:2375, unix:///run/docker.sock]}\n"
    )

    nodes = load_nodes(path)

    assert [node.driver for node in nodes.build] == ["remote", "engine"]
    assert nodes.check["docker"] == ("tcp://127.0.0.1:2375", "unix:///run/docker.sock")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("build: [{driver: magic}]", "build.0.driver"),
        ("engines: {}", "engines"),
        (MIXED, "nodes.yaml: all nodes of a builder have one driver, not kubernetes and remote"),
        ("build: [", "not YAML"),
        ("build: &a [*a]", "an alias stands inside of what it repeats"),
    ],
)
def test_what_is_wrong_in_the_file_is_named(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "nodes.yaml"
    path.write_text(text)

    with pytest.raises(HarnessError) as caught:
        load_nodes(path)

    assert words in str(caught.value)
    assert str(path) in str(caught.value)


def test_every_node_but_the_first_is_appended() -> None:
    arm64 = Node(endpoint="ssh://builder@arm64.example", platforms=("linux/arm64",))
    cluster = Node(driver="kubernetes", options={"namespace": "builds"})

    assert create_arguments("b", 0, arm64) == [
        *("create", "--name", "b", "--node", "b-0", "--driver", "docker-container"),
        *("--platform", "linux/arm64", "ssh://builder@arm64.example"),
    ]
    assert create_arguments("b", 1, cluster) == [
        *("create", "--name", "b", "--node", "b-1", "--driver", "kubernetes"),
        *("--append", "--driver-opt", "namespace=builds"),
    ]


def test_without_nodes_the_engines_own_builder_is_used() -> None:
    with builder(None) as environment:
        assert environment == {}
