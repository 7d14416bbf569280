"""Where Podman's Docker-compatible API has ways of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from image_harness.engine.options import health_request
from image_harness.engine.state import parse_health_check
from image_harness.types import HealthCheck

if TYPE_CHECKING:
    from docker import APIClient

NAME = "podman"
#: The columns of ``top``. It runs ``ps`` inside the container for words of ps(1); these it looks up itself.
TOP_COLUMNS = "hpid,huser,hgroup,comm,args"

# The oldest of Podman's own APIs that has the Docker-compatible one of today beside it.
_API = "4.0.0"
_EXEC_FORM = "CMD"


def podman_image_health_check(client: APIClient, reference: str) -> HealthCheck | None:
    """The health check of an image; None when it has none, or lost it (the OCI format has no place for one).

    Podman's Docker-compatible answer about an image leaves the health check out, its own has it.
    """
    response = client.get(f"{client.base_url}/v{_API}/libpod/images/{quote(reference, safe='')}/json")
    response.raise_for_status()
    return parse_health_check({"Config": response.json()})


def podman_health_request(check: HealthCheck, image: HealthCheck | None) -> Mapping[str, Any] | None:
    """A health check as Podman takes it; None when neither the check nor the image says what to run.

    Podman inherits no part of the image's check by itself, and joins the words of a test with blanks before it takes
    them apart again; a JSON array in a single word survives that.

    Args:
        check: What is asked for; what it leaves out is the image's.
        image: The image's own.
    """
    whole = _completed(check, image)
    if not whole.test:
        return None
    if whole.test[0] == _EXEC_FORM:
        whole = replace(whole, test=(json.dumps(whole.test[1:]),))
    return health_request(whole)


def _completed(check: HealthCheck, image: HealthCheck | None) -> HealthCheck:
    if image is None:
        return check
    return HealthCheck(
        test=check.test or image.test,
        interval=check.interval or image.interval,
        timeout=check.timeout or image.timeout,
        start_period=check.start_period or image.start_period,
        start_interval=check.start_interval or image.start_interval,
        retries=check.retries or image.retries,
    )
