"""The application: ``resource_monitor.main:app``."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI

from resource_monitor import __version__
from resource_monitor.config import Settings, load_settings
from resource_monitor.errors import install_error_handlers
from resource_monitor.limits import BodyLimit
from resource_monitor.monitor import Monitor
from resource_monitor.openapi import DocumentedApp
from resource_monitor.routes import Running, router

_log = logging.getLogger(__name__)
_LARGEST_BODY = 64 * 1024


def create_app(settings: Callable[[], Settings] = load_settings) -> FastAPI:
    """Make the application.

    Args:
        settings: Gives the settings, asked when the application starts and not when it is made.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        monitor = Monitor(settings())
        app.state.running = Running(monitor)
        work = asyncio.create_task(monitor.run())
        work.add_done_callback(_report)
        try:
            yield
        finally:
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await work
            await monitor.close()
            del app.state.running

    app = DocumentedApp(
        title="RDP resource monitor",
        version=__version__,
        lifespan=lifespan,
        # The documentation pages load scripts from elsewhere, and a redirect is no JSON.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    install_error_handlers(app)
    app.add_middleware(BodyLimit, largest=_LARGEST_BODY)
    app.include_router(router)
    return app


def _report(work: asyncio.Task[None]) -> None:
    if not work.cancelled() and (error := work.exception()) is not None:
        _log.error("measuring ended", exc_info=error)


app = create_app()
