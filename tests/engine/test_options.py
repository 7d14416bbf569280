from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from image_harness.engine import Mount, RunOptions, Share
from image_harness.engine.options import create_request, health_request
from image_harness.types import HealthCheck, Port


def test_defaults_leave_everything_to_the_image() -> None:
    body = create_request("i", RunOptions(), {"a": "b"})
    assert body["Labels"] == {"a": "b"}
    assert body["Env"] == []
    assert not {"Cmd", "Entrypoint", "User", "Healthcheck"} & set(body)


def test_an_unset_variable_is_a_bare_name_and_a_set_one_an_assignment() -> None:
    body = create_request("i", RunOptions(environment={"A": "", "B": "c=d"}, unset=("LANG",)), {})
    assert body["Env"] == ["LANG", "A=", "B=c=d"]


def test_ports_are_published_on_the_loopback_address_with_a_port_of_the_engines_choice() -> None:
    body = create_request("i", RunOptions(publish=(Port(8093),)), {})
    assert body["HostConfig"]["PortBindings"] == {"8093/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]}


def test_an_empty_entry_point_takes_the_images_away_and_an_empty_command_is_sent() -> None:
    body = create_request("i", RunOptions(entrypoint=(), command=()), {})
    assert body["Entrypoint"] == [""]
    assert body["Cmd"] == []


def test_memory_limit_includes_swap() -> None:
    host = create_request("i", RunOptions(memory=1024), {})["HostConfig"]
    assert (host["Memory"], host["MemorySwap"]) == (1024, 1024)


def test_processor_time_is_asked_for_only_where_it_matters() -> None:
    assert "CpuShares" not in create_request("i", RunOptions(), {})["HostConfig"]
    assert create_request("i", RunOptions(processor_share=Share.FIRST), {})["HostConfig"]["CpuShares"] == 8192


def test_shares_are_in_the_order_of_their_names_and_the_ordinary_one_is_between() -> None:
    assert Share.FIRST > Share.SECOND > 1024 > Share.LAST


def test_mounts_are_directories_named_volumes_or_anonymous_ones(tmp_path: Path) -> None:
    mounts = (Mount("/a", tmp_path, read_only=True), Mount("/b", "name"), Mount("/c"))
    assert create_request("i", RunOptions(mounts=mounts), {})["HostConfig"]["Mounts"] == [
        {"Target": "/a", "ReadOnly": True, "Type": "bind", "Source": str(tmp_path)},
        {"Target": "/b", "ReadOnly": False, "Type": "volume", "Source": "name"},
        {"Target": "/c", "ReadOnly": False, "Type": "volume"},
    ]


def test_what_a_health_check_leaves_out_is_not_sent() -> None:
    assert health_request(HealthCheck((), interval=timedelta(seconds=1), retries=3)) == {
        "Interval": 1_000_000_000,
        "Retries": 3,
    }
    assert health_request(HealthCheck(("NONE",))) == {"Test": ["NONE"]}
