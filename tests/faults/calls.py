"""The calls of an engine's API by name: method and path, what differs from run to run taken out."""

from __future__ import annotations

import re

_VERSION = re.compile(r"^/v\d+(\.\d+)*(?=/)")
_TEMPLATES = (
    (re.compile(r"^/containers/(?!json$|create$)[^/]+"), "/containers/{id}"),
    (re.compile(r"^/exec/[^/]+"), "/exec/{id}"),
    (re.compile(r"^/networks/(?!create$)[^/]+"), "/networks/{id}"),
    (re.compile(r"^/volumes/(?!create$)[^/]+"), "/volumes/{name}"),
    # The name of an image may hold slashes.
    (re.compile(r"^/images/(?!json$|load$|create$).+?(?=/(?:json|get|history|tag)$|$)"), "/images/{name}"),
)
_CONTAINER = re.compile(r"^/containers/(?!json$|create$)([^/]+)")


def about(target: str) -> str:
    """The container that a call is about, by the id or the name that it bears there; empty for none."""
    match = _CONTAINER.match(_VERSION.sub("", target.partition("?")[0]))
    return "" if match is None else match[1]


def call_name(method: str, target: str) -> str:
    """``POST /containers/{id}/start`` for ``POST /v1.45/containers/0815/start?t=1``."""
    path = _VERSION.sub("", target.partition("?")[0])
    for pattern, template in _TEMPLATES:
        path = pattern.sub(template, path)
    return f"{method} {path}"
