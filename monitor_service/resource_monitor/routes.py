"""The HTTP interface."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import CollectorRegistry

from resource_monitor.errors import ErrorKind, ServiceError, documented
from resource_monitor.metrics import as_json, as_text, registry_of
from resource_monitor.models import (
    Alerts,
    Collected,
    Health,
    History,
    Metrics,
    Sample,
    SessionState,
    StartRequest,
    Summary,
)
from resource_monitor.monitor import Monitor

_TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"
_UNKNOWN = documented(HTTPStatus.NOT_FOUND)


class Running:
    """What the routes work with while the application runs."""

    def __init__(self, monitor: Monitor) -> None:
        self.monitor = monitor
        self.registry: CollectorRegistry = registry_of(monitor)


async def _running(request: Request) -> Running:
    running: Running | None = getattr(request.app.state, "running", None)
    if running is None or not running.monitor.ready:
        raise ServiceError(ErrorKind.NOT_READY, "the service is still starting")
    return running


async def _monitor(running: Annotated[Running, Depends(_running)]) -> Monitor:
    return running.monitor


# Text rather than a UUID: whatever else stands there is the id of no session, which is 404.
SessionId = Annotated[str, Path(description="The session's UUID.")]
Ready = Annotated[Monitor, Depends(_monitor)]

router = APIRouter(responses=documented(HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.INTERNAL_SERVER_ERROR))
_sessions = APIRouter(prefix="/api/v1/monitoring", tags=["monitoring"])
_metrics = APIRouter(prefix="/api/v1/metrics", tags=["metrics"])


@router.get("/health", tags=["health"])
async def health(monitor: Ready) -> Health:
    """How the service is; still 200 when something optional is missing."""
    return monitor.health()


@_sessions.post(
    "/start",
    responses=documented(
        HTTPStatus.CONFLICT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.TOO_MANY_REQUESTS,
    ),
)
async def start(body: StartRequest, monitor: Ready) -> SessionState:
    """Start to monitor a session."""
    return await monitor.start(body)


@_sessions.post("/sessions/{session_id}/stop", responses=_UNKNOWN)
async def stop(session_id: SessionId, monitor: Ready) -> SessionState:
    """Stop to monitor a session."""
    return monitor.stop(session_id)


@_sessions.get("/sessions/{session_id}/metrics", responses=_UNKNOWN)
async def session_metrics(session_id: SessionId, monitor: Ready) -> Sample:
    """A session's newest sample."""
    return monitor.sessions.get(session_id).newest.sample


@_sessions.get(
    "/sessions/{session_id}/history", responses=documented(HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY)
)
async def history(
    session_id: SessionId,
    monitor: Ready,
    hours: Annotated[int, Query(ge=1, le=24, description="How far back.")] = 1,
) -> History:
    """A session's samples of the last hours."""
    return await monitor.history(session_id, hours)


@_sessions.get("/sessions/{session_id}/alerts", responses=_UNKNOWN)
async def alerts(session_id: SessionId, monitor: Ready) -> Alerts:
    """The thresholds that a session exceeds now."""
    return monitor.alerts(session_id)


@_sessions.get("/summary")
async def summary(monitor: Ready) -> Summary:
    """The host and all sessions together."""
    return monitor.summary()


@_sessions.post("/collect")
async def collect(monitor: Ready) -> Collected:
    """Take a sample of the host and of every session now."""
    return await monitor.collect()


@_metrics.get("", response_class=PlainTextResponse)
async def metrics(running: Annotated[Running, Depends(_running)]) -> Response:
    """All metrics in Prometheus's text format."""
    return Response(as_text(running.registry), media_type=_TEXT_FORMAT)


@_metrics.get("/summary")
async def metrics_summary(running: Annotated[Running, Depends(_running)]) -> Metrics:
    """The same metrics as JSON."""
    return as_json(running.registry)


router.include_router(_sessions)
router.include_router(_metrics)
