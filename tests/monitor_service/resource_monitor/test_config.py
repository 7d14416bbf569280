"""Environment over YAML over defaults."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from resource_monitor import config
from resource_monitor.config import Settings, load_settings
from resource_monitor.yaml_file import ConfigurationError


def _message() -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    message = str(caught.value)
    assert "\n" not in message
    assert caught.value.__cause__ is None
    return message


@pytest.fixture
def yaml_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "config.yaml"
    monkeypatch.setenv("MONITOR_CONFIG_FILE", str(file))
    return file


def test_the_defaults_are_the_family_s() -> None:
    settings = load_settings()
    assert settings.monitoring_interval == timedelta(seconds=30)
    assert settings.metrics_history_limit == 100
    assert settings.max_concurrent_sessions == 100
    assert (settings.cpu_threshold_percent, settings.memory_threshold_percent) == (80, 80)
    assert (settings.disk_threshold_percent, settings.network_threshold_mb) == (90, 1000)
    assert settings.redis_url is None
    assert settings.mongodb_url is None
    assert settings.siblings == {}


def test_yaml_is_over_the_defaults(yaml_file: Path) -> None:
    yaml_file.write_text("monitoring_interval: 5\nmax_concurrent_sessions: 7\n")
    settings = load_settings()
    assert settings.monitoring_interval == timedelta(seconds=5)
    assert settings.max_concurrent_sessions == 7
    assert settings.metrics_history_limit == 100


def test_the_environment_is_over_yaml(yaml_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    yaml_file.write_text("monitoring_interval: 5\nmax_concurrent_sessions: 7\n")
    monkeypatch.setenv("MONITORING_INTERVAL", "9")
    settings = load_settings()
    assert settings.monitoring_interval == timedelta(seconds=9)
    assert settings.max_concurrent_sessions == 7


def test_the_file_beside_the_module_is_used_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packaged = tmp_path / "config.yaml"
    monkeypatch.setattr(config, "PACKAGED_CONFIG_FILE", packaged)
    assert load_settings().max_concurrent_sessions == 100
    packaged.write_text("max_concurrent_sessions: 3\n")
    assert load_settings().max_concurrent_sessions == 3


def test_a_blank_file_name_means_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONITOR_CONFIG_FILE", "")
    assert load_settings() == Settings()


def test_a_named_file_that_is_missing_is_an_error(yaml_file: Path) -> None:
    assert _message() == (
        f"ERROR: Cannot read the configuration file {yaml_file}: No such file or directory (allowed: a YAML file)"
    )


def test_the_example_holds_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    defaults = load_settings()
    example = Path(config.__file__).with_name("config.example.yaml")
    monkeypatch.setenv("MONITOR_CONFIG_FILE", str(example))
    assert load_settings() == defaults


def test_the_example_names_every_setting() -> None:
    text = Path(config.__file__).with_name("config.example.yaml").read_text()
    assert [name for name in Settings.model_fields if f"\n{name}:" not in text and f"\n# {name}:" not in text] == []


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("MONITORING_INTERVAL", "soon", "seconds, from 0.1 to 3600"),
        ("METRICS_HISTORY_LIMIT", "0", "a whole number from 1 to 10000"),
        ("MAX_CONCURRENT_SESSIONS", "-1", "a whole number from 1 to 10000"),
        ("CPU_THRESHOLD_PERCENT", "101", "a number above 0, up to 100"),
        ("MEMORY_THRESHOLD_PERCENT", "nan", "a number above 0, up to 100"),
        ("DISK_THRESHOLD_PERCENT", "x", "a number above 0, up to 100"),
        ("NETWORK_THRESHOLD_MB", "0", "a number above 0, up to 1e+09"),
        ("DISK_PATH", "/not/there", "the absolute path of an existing folder"),
        ("RECORD_FOLDER", "here", "an absolute path"),
        ("MONGODB_DATABASE", "a.b", "1 to 63 letters, digits, - and _"),
        ("LOG_LEVEL", "loud", "one of DEBUG, INFO, WARNING, ERROR"),
    ],
)
def test_a_wrong_variable_is_named_with_value_and_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, allowed: str
) -> None:
    monkeypatch.setenv(variable, value)
    assert _message() == f"ERROR: Invalid {variable} value: {value} (allowed: {allowed})"


def test_a_blank_number_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONITORING_INTERVAL", "")
    assert _message().startswith("ERROR: Invalid MONITORING_INTERVAL value: '' ")


def test_a_wrong_yaml_value_is_named_with_its_file(yaml_file: Path) -> None:
    yaml_file.write_text("max_concurrent_sessions: many\n")
    assert _message() == (
        f"ERROR: Invalid max_concurrent_sessions in {yaml_file} value: many (allowed: a whole number from 1 to 10000)"
    )


def test_the_environment_mends_a_wrong_yaml_value(yaml_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    yaml_file.write_text("max_concurrent_sessions: many\n")
    monkeypatch.setenv("MAX_CONCURRENT_SESSIONS", "5")
    assert load_settings().max_concurrent_sessions == 5


def test_an_unknown_key_is_named_with_its_file(yaml_file: Path) -> None:
    yaml_file.write_text("monitoring_intervall: 5\n")
    message = _message()
    assert f"Invalid key monitoring_intervall in {yaml_file}: no such setting" in message
    assert "monitoring_interval," in message


@pytest.mark.parametrize(
    "variable",
    ["REDIS_URL", "MONGODB_URL", "RDP_SERVER_MANAGER_URL", "RDP_XRDP_URL", "RDP_CONTROLLER_URL"],
)
def test_a_wrong_url_is_named_but_not_shown(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "me:hunter2@cache:6379")
    message = _message()
    assert message.startswith(f"ERROR: Invalid {variable} value: (not shown")
    assert "://host" in message
    assert "hunter2" not in message


def test_a_wrong_url_in_yaml_is_not_shown(yaml_file: Path) -> None:
    yaml_file.write_text("redis_url: http://me:hunter2@cache\n")
    message = _message()
    assert f"redis_url in {yaml_file}" in message
    assert "hunter2" not in message


def test_blank_urls_are_unset_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REDIS_URL", "MONGODB_URL", "RDP_XRDP_URL"):
        monkeypatch.setenv(name, "")
    settings = load_settings()
    assert (settings.redis_url, settings.mongodb_url, settings.siblings) == (None, None, {})


def test_no_text_of_the_settings_shows_a_credential(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://:hunter2@cache")
    monkeypatch.setenv("MONGODB_URL", "mongodb://me:hunter3@db")
    monkeypatch.setenv("RDP_XRDP_URL", "http://me:hunter4@xrdp")
    settings = load_settings()
    assert {"hunter2", "hunter3", "hunter4"} <= settings.secrets
    assert "hunter" not in repr(settings) + str(settings)


def test_siblings_have_their_services_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RDP_SERVER_MANAGER_URL", "http://a:8081")
    monkeypatch.setenv("RDP_XRDP_URL", "http://b")
    monkeypatch.setenv("RDP_CONTROLLER_URL", "https://c:8092")
    assert list(load_settings().siblings) == ["rdp-server-manager", "rdp-xrdp", "rdp-controller"]


def test_the_host_may_be_a_service_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RDP_MONITOR_HOST", "rdp-monitor")
    assert load_settings().rdp_monitor_host == "rdp-monitor"


def test_the_network_threshold_is_a_rate() -> None:
    settings = Settings(network_threshold_mb=1000, monitoring_interval=timedelta(seconds=30))
    assert settings.network_threshold == pytest.approx(33_333_333.3, rel=1e-6)
