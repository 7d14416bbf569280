"""The OpenAPI document, corrected where FastAPI announces what the service never answers."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

_UNUSED = ("HTTPValidationError", "ValidationError")


class DocumentedApp(FastAPI):
    """An application whose document says what it serves.

    FastAPI announces an answer 422 of its own shape for every route with a parameter, also where any text is accepted,
    and gives errors the media type of the success.
    """

    def openapi(self) -> dict[str, Any]:
        """Give the document."""
        if self.openapi_schema is None:
            document = super().openapi()
            for operations in document["paths"].values():
                for operation in operations.values():
                    operation["responses"] = _served(operation["responses"])
            for name in _UNUSED:
                document["components"]["schemas"].pop(name, None)
        return super().openapi()


def _served(responses: dict[str, Any]) -> dict[str, Any]:
    served = {}
    for status, response in responses.items():
        (content,) = response["content"].values()
        if content["schema"].get("$ref", "").endswith("/HTTPValidationError"):
            continue
        served[status] = response if status == "200" else {**response, "content": {"application/json": content}}
    return served
