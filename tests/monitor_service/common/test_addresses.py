"""Addresses are checked, and shown without what must not be seen."""

from __future__ import annotations

import pytest

from common.addresses import ServiceAddress

_MONGO = ("mongodb", "mongodb+srv")


def test_credentials_and_options_are_left_out_of_every_text() -> None:
    address = ServiceAddress.parse("redis://me:hunter2@cache:6379/0?password=hunter3", schemes=["redis"])
    assert str(address) == f"{address}" == "redis://***@cache:6379/0"
    assert repr(address) == "ServiceAddress('redis://***@cache:6379/0')"


def test_the_library_gets_the_whole_url() -> None:
    url = "mongodb://me:hunter2@a:1,b:2/db?w=1"
    assert ServiceAddress.parse(url, schemes=_MONGO).url == url


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("redis://:hunter2@cache", "hunter2"),
        ("redis://me:p%40ss@cache", "p%40ss"),
        ("redis://me:p%40ss@cache", "p@ss"),
        ("redis://token@cache", "token"),
        ("redis://cache?password=hunter3", "hunter3"),
        ("redis://me:a:b@cache", "a:b"),
    ],
)
def test_every_spelling_of_a_secret_is_known(url: str, secret: str) -> None:
    assert secret in ServiceAddress.parse(url, schemes=["redis"]).secrets


def test_an_address_without_credentials_has_no_secret() -> None:
    assert not ServiceAddress.parse("redis://cache:6379/0", schemes=["redis"]).secrets


@pytest.mark.parametrize(
    "url",
    [
        "mongodb://a",
        "mongodb://a:27017,b:27018,[::1]:27019/db?replicaSet=x",
        "mongodb+srv://cluster.example/db",
        "mongodb://me:p%40ss@127.0.0.1:27017",
    ],
)
def test_usual_addresses_are_accepted(url: str) -> None:
    assert ServiceAddress.parse(url, schemes=_MONGO).url == url


@pytest.mark.parametrize(
    "url",
    [
        "a:6379",
        "http://a",
        "mongodb://",
        "mongodb:///db",
        "mongodb://a:0",
        "mongodb://a:65536",
        "mongodb://a:port",
        "mongodb://a,",
        "mongodb://a b",
        "mongodb://a\n",
        "mongodb://[::1",
        "mongodb://me:hunter2",
        "mongodb://me:hunt/er2@a",
    ],
)
def test_anything_else_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(ValueError, match=r"^not a URL$"):
        ServiceAddress.parse(url, schemes=_MONGO)


def test_a_unix_socket_is_a_path() -> None:
    assert str(ServiceAddress.parse("unix:///run/redis.sock", schemes=["unix"])) == "unix:///run/redis.sock"
    with pytest.raises(ValueError, match="not a URL"):
        ServiceAddress.parse("unix://host", schemes=["unix"])


@pytest.mark.parametrize(("url", "secure"), [("https://a", True), ("rediss://a", True), ("http://a", False)])
def test_the_scheme_says_whether_it_is_encrypted(url: str, secure: bool) -> None:
    assert ServiceAddress.parse(url, schemes=["https", "rediss", "http"]).secure is secure
