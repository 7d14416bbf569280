"""The optional YAML file, and how a wrong configuration is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

_LONGEST_VALUE = 80
# Of a path that was cut off nobody knows which file is meant; Linux itself takes no longer ones.
_LONGEST_PATH = 4096


class ConfigurationError(Exception):
    """The service cannot start as it is configured. ``str()`` is the one line that says why."""


def shown(value: object, longest: int = _LONGEST_VALUE) -> str:
    """Give a value as a text within one line, of so many characters at most."""
    text = value if isinstance(value, str) and value.isprintable() and value.strip() else repr(value)
    return text if len(text) <= longest else f"{text[:longest]}..."


def read_yaml(file: Path) -> dict[str, Any]:
    """Read the settings of a YAML file; an empty file holds none.

    Raises:
        ConfigurationError: It cannot be read, is not YAML, or is not a mapping.
    """
    # Most deployments have no such file: those start without the parser.
    import yaml  # noqa: PLC0415

    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        path = shown(str(file), _LONGEST_PATH)
        raise ConfigurationError(
            f"ERROR: Cannot read the configuration file {path}: {error.strerror} (allowed: a YAML file)"
        ) from None
    except UnicodeDecodeError as error:
        raise _malformed(file, f"byte {error.start}", "UTF-8") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "somewhere"
        # PyYAML's own text quotes the line, which may hold a credential.
        raise _malformed(file, where, "well-formed YAML") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise _malformed(file, "line 1", "a mapping of settings to values")
    return {str(key): value for key, value in content.items()}


def _malformed(file: Path, where: str, allowed: str) -> ConfigurationError:
    return ConfigurationError(f"ERROR: Invalid YAML in {shown(str(file), _LONGEST_PATH)}, {where} (allowed: {allowed})")
