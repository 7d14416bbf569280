from __future__ import annotations

import pytest

from image_harness.engine.place import Place


@pytest.mark.parametrize(
    "url", ["unix:///run/x.sock", "tcp://127.0.0.1:2375", "ssh://me@localhost:22", "tcp://[::1]:2375"]
)
def test_ports_of_this_machine_are_published_on_its_loopback_address_alone(url: str) -> None:
    place = Place.of(url)
    assert place.host is None
    assert place.publish_on == "127.0.0.1"
    assert place.reached_at("127.0.0.1") == "127.0.0.1"


@pytest.mark.parametrize("url", ["tcp://build.example:2376", "ssh://me@build.example", "https://build.example:2376"])
def test_ports_of_another_machine_are_reached_at_its_address(url: str) -> None:
    place = Place.of(url)
    assert place.publish_on == ""
    assert place.reached_at("0.0.0.0") == "build.example"


def test_every_address_of_this_machine_includes_loopback() -> None:
    assert {Place().reached_at(address) for address in ("", "0.0.0.0", "::")} == {"127.0.0.1"}
