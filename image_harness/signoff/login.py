"""Logging in to a registry as ``docker login`` has it stored, and as the registry asks for it.

Basic authentication (RFC 7617), or the token protocol of Docker's registries for ``Bearer``.
"""

from __future__ import annotations

import base64
import re
from typing import Final

import docker.auth
import docker.errors
import httpx

from image_harness.errors import HarnessError
from image_harness.signoff.repository import Repository

#: What a request ends with that reaches nobody; the last two come of names and ports that no address can have.
NOBODY_THERE: Final = (httpx.HTTPError, httpx.InvalidURL, UnicodeError, OverflowError)
_PARAMETER: Final = re.compile(r'([a-z_]+)="([^"]*)"', re.IGNORECASE)


def authorization_for(challenge: str, repository: Repository, client: httpx.Client) -> str | None:
    """Answer a registry's challenge with the value of an Authorization header; None for somebody unknown.

    Args:
        challenge: The registry's ``WWW-Authenticate``.
        repository: What is asked for.
        client: What carries the request for a token.

    Raises:
        HarnessError: The registry gives no token, or asks for a password over an open line.
    """
    scheme, _, rest = challenge.partition(" ")
    if scheme.lower() == "basic":
        return _stored(repository)
    values = {key.lower(): value for key, value in _PARAMETER.findall(rest)}
    realm = values.pop("realm", "")
    if not realm.startswith(("https://", "http://") if repository.is_loopback else "https://"):
        raise HarnessError(f"asks to log in at {realm!r}, which is not https", where=repository.host)
    values.setdefault("scope", f"repository:{repository.path}:pull,push")
    stored = _stored(repository)
    try:
        document = client.get(realm, params=values, headers={"Authorization": stored} if stored else {}).json()
        # Whoever reads the header reads ASCII.
        return f"Bearer {document.get('token') or document['access_token']}".encode("ascii").decode()
    except (*NOBODY_THERE, ValueError, KeyError, AttributeError, RecursionError):
        fix = f"log in: docker login {repository.host}"
        raise HarnessError("gives no token", where=repository.host, fix=fix) from None


def _stored(repository: Repository) -> str | None:
    try:
        found = docker.auth.load_config().resolve_authconfig(repository.host) or {}
    except docker.errors.DockerException as error:
        raise HarnessError(f"cannot ask for its credentials: {error}", where=repository.host) from None
    if "username" not in found:
        return None
    pair = f"{found['username']}:{found['password']}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"
