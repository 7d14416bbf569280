"""The service's settings: environment over YAML over defaults, validated before anything is started.

An environment variable has the setting's name in capitals, a YAML key the name as it is. The YAML file is optional: it
is the one that MONITOR_CONFIG_FILE names, else ``config.yaml`` beside this module where there is one. The port is not
among the settings: the image's health check and its exposed port are fixed, so only the entry point's own variables
move it.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from common.addresses import ServiceAddress
from resource_monitor.rules import Address, Choice, Folder, Name, Number, Rule, Seconds, Whole
from resource_monitor.yaml_file import ConfigurationError, read_yaml, shown

CONFIG_FILE_VARIABLE = "MONITOR_CONFIG_FILE"
PACKAGED_CONFIG_FILE = Path(__file__).with_name("config.yaml")
_BYTES_PER_MEGABYTE = 1_000_000


class Settings(BaseSettings):
    """What can be set.

    Attributes:
        rdp_monitor_host: The name under which siblings reach the service. Deployments put a service name here, so it
            is never bound to.
        monitoring_interval: Time between two samples of a session, in seconds.
        metrics_history_limit: Samples that are kept in memory for each session; the oldest goes first.
        max_concurrent_sessions: Sessions that are monitored at the same time.
        cpu_threshold_percent: An alert is raised above this share of all processors.
        memory_threshold_percent: An alert is raised above this share of the memory.
        disk_threshold_percent: An alert is raised above this share of the file system.
        network_threshold_mb: An alert is raised when traffic in and out goes faster than this many megabytes
            (10^6 bytes) for each monitoring interval. It is compared as a rate, since the counters only ever grow.
        disk_path: A folder of the file system that is measured; the root's by default.
        redis_url: Where the latest samples go.
        mongodb_url: Where the history goes.
        mongodb_database: The database for the history, where the URL names none.
        rdp_server_manager_url: The sibling's base URL.
        rdp_xrdp_url: The sibling's base URL.
        rdp_controller_url: The sibling's base URL.
        record_folder: Where samples are written to files; none by default.
        log_level: The lowest level that is logged.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", enable_decoding=False, hide_input_in_errors=True, validate_default=False
    )

    rdp_monitor_host: str = "0.0.0.0"
    monitoring_interval: Annotated[timedelta, Seconds(0.1, 3600)] = timedelta(seconds=30)
    metrics_history_limit: Annotated[int, Whole(1, 10_000)] = 100
    max_concurrent_sessions: Annotated[int, Whole(1, 10_000)] = 100
    cpu_threshold_percent: Annotated[float, Number(100)] = 80.0
    memory_threshold_percent: Annotated[float, Number(100)] = 80.0
    disk_threshold_percent: Annotated[float, Number(100)] = 90.0
    network_threshold_mb: Annotated[float, Number(1e9)] = 1000.0
    disk_path: Annotated[Path | None, Folder(exists=True)] = None
    redis_url: Annotated[ServiceAddress | None, Address(("redis", "rediss", "unix"))] = None
    mongodb_url: Annotated[ServiceAddress | None, Address(("mongodb", "mongodb+srv"))] = None
    mongodb_database: Annotated[str, Name()] = "lucid_rdp_monitor"
    rdp_server_manager_url: Annotated[ServiceAddress | None, Address(("http", "https"))] = None
    rdp_xrdp_url: Annotated[ServiceAddress | None, Address(("http", "https"))] = None
    rdp_controller_url: Annotated[ServiceAddress | None, Address(("http", "https"))] = None
    record_folder: Annotated[Path | None, Folder(exists=False)] = None
    log_level: Annotated[str, Choice(("DEBUG", "INFO", "WARNING", "ERROR"))] = "INFO"

    @field_validator("*", mode="before")
    @classmethod
    def _apply_rule(cls, raw: object, info: ValidationInfo) -> object:
        rule = _rule(info.field_name or "")
        # What is given in code is typed already; neither the environment nor YAML has these types.
        return raw if rule is None or isinstance(raw, timedelta | Path | ServiceAddress) else rule.read(raw)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic-settings passes it by name
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - likewise
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the environment over the file; what is given in code, by tests, over both."""
        file = config_file()
        values = read_yaml(file) if file else {}
        return init_settings, env_settings, InitSettingsSource(settings_cls, init_kwargs=values)

    @property
    def network_threshold(self) -> float:
        """The allowed traffic, in bytes per second."""
        return self.network_threshold_mb * _BYTES_PER_MEGABYTE / self.monitoring_interval.total_seconds()

    @property
    def siblings(self) -> dict[str, ServiceAddress]:
        """The addresses of the sibling services that were given, by service name."""
        addresses = {
            "rdp-server-manager": self.rdp_server_manager_url,
            "rdp-xrdp": self.rdp_xrdp_url,
            "rdp-controller": self.rdp_controller_url,
        }
        return {name: address for name, address in addresses.items() if address is not None}

    @property
    def secrets(self) -> frozenset[str]:
        """Each text that no log line may hold."""
        addresses = (self.redis_url, self.mongodb_url, *self.siblings.values())
        return frozenset().union(*(address.secrets for address in addresses if address is not None))


def load_settings() -> Settings:
    """Read the settings from the environment and the YAML file.

    Raises:
        ConfigurationError: A value is not allowed, or the file cannot be used.
    """
    try:
        return Settings()
    except ValidationError as error:
        # One line, so one problem at a time; without the cause, whose text repeats the value.
        raise _explain(error.errors(include_input=True)[0]) from None


def config_file() -> Path | None:
    """Where the YAML file is, or none: the one that the environment names, else the one beside this module."""
    named = os.getenv(CONFIG_FILE_VARIABLE, "")
    if named.strip():
        return Path(named)
    return PACKAGED_CONFIG_FILE if PACKAGED_CONFIG_FILE.is_file() else None


def _rule(field: str) -> Rule | None:
    metadata = Settings.model_fields[field].metadata
    return next((item for item in metadata if hasattr(item, "read")), None)


def _explain(problem: ErrorDetails) -> ConfigurationError:
    field = str(problem["loc"][0])
    file = config_file()
    if problem["type"] == "extra_forbidden":
        names = ", ".join(Settings.model_fields)
        return ConfigurationError(f"ERROR: Invalid key {shown(field)} in {file}: no such setting (allowed: {names})")
    name = next((name for name in os.environ if name.lower() == field), f"{field} in {file}")
    rule = _rule(field)
    value = "(not shown, as it may hold a credential)" if rule and rule.confidential else shown(problem["input"])
    return ConfigurationError(f"ERROR: Invalid {name} value: {value} (allowed: {rule.allowed if rule else 'text'})")
