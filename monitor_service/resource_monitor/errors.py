"""Errors as JSON, all of one shape."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from resource_monitor.models import ErrorBody, ErrorDetail


class ErrorKind(enum.Enum):
    """What can be wrong with a request, with the status code that says so."""

    SESSION_NOT_FOUND = HTTPStatus.NOT_FOUND
    SESSION_EXISTS = HTTPStatus.CONFLICT
    TOO_MANY_SESSIONS = HTTPStatus.TOO_MANY_REQUESTS
    NOT_READY = HTTPStatus.SERVICE_UNAVAILABLE


class ServiceError(Exception):
    """A request that cannot be granted."""

    def __init__(self, kind: ErrorKind, message: str) -> None:
        self.kind = kind
        self.message = message
        super().__init__(kind, message)


def install_error_handlers(app: FastAPI) -> None:
    """Have the application answer every error in the one shape."""
    # Coroutines all: Starlette would run plain functions in threads, and keep those.

    app.add_exception_handler(ServiceError, _on_service_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_unexpected_error)


def documented(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """Describe the error responses of a route for the OpenAPI document."""
    return {status.value: {"model": ErrorBody, "description": status.phrase} for status in statuses}


def error_response(
    status: HTTPStatus,
    error: str | None = None,
    message: str | None = None,
    *,
    details: Sequence[ErrorDetail] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Make the answer for an error; what is not given is taken from the status."""
    body = ErrorBody(
        error=error or status.name.lower(),
        message=message or status.description or status.phrase,
        details=list(details),
    )
    return JSONResponse(body.model_dump(), status_code=status, headers=headers)


async def _on_service_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ServiceError)
    headers = {"Retry-After": "1"} if error.kind is ErrorKind.NOT_READY else None
    return error_response(error.kind.value, error.kind.name.lower(), error.message, headers=headers)


async def _on_invalid_request(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # Without the input itself: it may be long, and whatever was put there by mistake is nobody's to repeat.
    details = [
        ErrorDetail(where=".".join(str(part) for part in problem["loc"]), problem=problem["msg"])
        for problem in error.errors()
    ]
    return _malformed(details)


async def _on_http_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.BAD_REQUEST:
        # FastAPI's own answer to a body that is not even text; a malformed body is always 422 here.
        return _malformed([ErrorDetail(where="body", problem="not readable as JSON")])
    return error_response(HTTPStatus(error.status_code), headers=error.headers)


async def _on_unexpected_error(_request: Request, _error: Exception) -> Response:
    # The server logs the error itself, as it is raised again after this answer.
    return error_response(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", "the service failed; its log says why")


def _malformed(details: Sequence[ErrorDetail]) -> Response:
    return error_response(
        HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request", "the request is malformed", details=details
    )
