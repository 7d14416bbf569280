"""Whose answers a confused engine gives instead: a container and an image in which everything is as it should be."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from urllib.parse import quote, urlsplit, urlunsplit

from docker import APIClient

from tests.faults.calls import call_name
from tests.faults.messages import Message, json_answer

_PATIENCE = 30.0


class Decoy:
    """Another container of another image.

    Args:
        engine: A client of the real engine.
        image: The other image.
        container: The other container, which runs or has ended, as the case needs it.
    """

    def __init__(self, engine: APIClient, image: str, container: str) -> None:
        self._engine = engine
        self._image = image
        self.container = container

    def answer(self, request: Message) -> Message | None:
        """The answer to what must not be done to the decoy; None when the engine is to give it."""
        call = call_name(*request.words)
        if call == "DELETE /containers/{id}":
            return Message("HTTP/1.1 204 No Content")  # somebody else's container is gone
        if call == "DELETE /networks/{id}":
            return Message("HTTP/1.1 204 No Content")
        if call == "POST /networks/create":
            return json_answer("201 Created", {"Id": "0" * 64, "Warning": ""})
        return None

    def redirect(self, request: Message) -> Message:
        """The same request about the decoy."""
        method, target = request.words
        call = call_name(method, target)
        parts = urlsplit(target)
        path, query = parts.path, parts.query
        if call.partition(" ")[2].startswith("/containers/{id}"):
            path = re.sub(r"(/containers/)[^/]+", rf"\g<1>{self.container}", path)
        elif "/exec/{id}" in call:
            exec_id = re.findall(r"/exec/([^/]+)", path)[0]
            path = path.replace(exec_id, self._same_command(exec_id, ended=method == "GET"))
        elif "/images/{name}" in call:
            path = re.sub(r"(/images/).+(/(?:json|get))$", rf"\g<1>{self._image}\g<2>", path)
        elif call in ("GET /events", "GET /containers/json"):
            query = _about(query, self.container, "container" if "events" in call else "id")
        changed = urlunsplit(("", "", path, query, ""))
        return replace(request, start=f"{method} {changed} HTTP/1.1")

    def _same_command(self, exec_id: str, *, ended: bool) -> str:
        process = self._engine.exec_inspect(exec_id)["ProcessConfig"]
        command = [process["entrypoint"], *process["arguments"]]
        other = str(self._engine.exec_create(self.container, command)["Id"])
        if ended:
            self._engine.exec_start(other)
            deadline = time.monotonic() + _PATIENCE
            while self._engine.exec_inspect(other)["Running"] and time.monotonic() < deadline:
                time.sleep(0.02)
        return other


def _about(query: str, container: str, name: str) -> str:
    fields = [field for field in query.split("&") if field and not field.startswith("filters=")]
    return "&".join([*fields, f"filters={quote(json.dumps({name: [container]}))}"])
