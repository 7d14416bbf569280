from __future__ import annotations

from pathlib import Path

import pytest

from monitor_build.pip_config import PipConfig, config_files, read_pip_config


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    file = tmp_path / "bundle.pem"
    file.write_text("authorities")
    return file


def read(tmp_path: Path, text: str = "", environment: dict[str, str] | None = None) -> PipConfig:
    file = tmp_path / "pip.conf"
    file.write_text(text)
    return read_pip_config(
        [tmp_path / "absent.conf", file],
        environment or {},
        own_authorities=tmp_path / "authorities",
        system_bundle=tmp_path / "bundle.pem",
    )


def test_indices_are_taken_over_but_for_those_on_this_machines_disk(tmp_path: Path) -> None:
    text = (
        "[global]\nindex-url = https://index.test/simple\n"
        "extra-index-url = file:///srv/simple\n    https://more.test/simple\nfind-links = /srv/wheels\n"
    )

    config = read(tmp_path, text)

    assert config.settings == {"index-url": "https://index.test/simple", "extra-index-url": "https://more.test/simple"}


def test_environment_is_over_the_files(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        "[global]\nindex_url = https://file.test/simple\nproxy = http://proxy.test\n",
        {"PIP_INDEX_URL": "https://environment.test/simple", "PIP_DEFAULT_TIMEOUT": "90"},
    )

    assert config.settings == {"index-url": "https://environment.test/simple", "proxy": "http://proxy.test"}


def test_authorities_that_pip_is_told_of_are_the_builders_too(tmp_path: Path, bundle: Path) -> None:
    config = read(tmp_path, f"[global]\ncert = {bundle}\n")

    assert config.ca_bundle == bundle
    assert "cert = /in/the/builder.pem" in config.as_file("/in/the/builder.pem")


def test_authorities_of_this_machines_administrator_are_the_builders_too(tmp_path: Path, bundle: Path) -> None:
    (tmp_path / "authorities").mkdir()
    (tmp_path / "authorities" / "own.crt").touch()

    assert read(tmp_path).ca_bundle == bundle


def test_machine_without_authorities_of_its_own_adds_none(tmp_path: Path, bundle: Path) -> None:
    config = read(tmp_path)

    assert bundle.is_file()
    assert config.ca_bundle is None
    assert "cert" not in config.as_file("/in/the/builder.pem")


def test_several_indices_stay_one_setting_of_the_file(tmp_path: Path) -> None:
    config = read(tmp_path, "[global]\nextra-index-url = https://one.test/\n  https://two.test/\n")
    (tmp_path / "pip.conf").write_text(config.as_file("unused"))

    again = read_pip_config(
        [tmp_path / "pip.conf"], {}, own_authorities=tmp_path / "none", system_bundle=tmp_path / "none"
    )

    assert again.settings == config.settings


def test_file_that_pip_itself_could_not_read_takes_nothing_over(tmp_path: Path) -> None:
    assert read(tmp_path, "no section = here\n") == PipConfig()


def test_pip_can_be_told_to_read_no_file(tmp_path: Path) -> None:
    assert config_files({"PIP_CONFIG_FILE": "/dev/null"}, tmp_path) == []
    assert config_files({"PIP_CONFIG_FILE": "/srv/pip.conf"}, tmp_path)[-1] == Path("/srv/pip.conf")
