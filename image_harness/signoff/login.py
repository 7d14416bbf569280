"""Logging in to a registry as ``docker login`` has it stored, and as the registry asks for it.

Basic authentication (RFC 7617), or the token protocol of Docker's registries for ``Bearer``: with name and password, or
with an identity token as OAuth 2's refresh token (https://distribution.github.io/distribution/spec/auth/oauth/).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import docker.auth
import docker.errors
import httpx

from image_harness.errors import HarnessError
from image_harness.signoff.repository import Repository

#: What a request ends with that reaches nobody; the last two come of names and ports that no address can have.
NOBODY_THERE: Final = (httpx.HTTPError, httpx.InvalidURL, UnicodeError, OverflowError)
_PARAMETER: Final = re.compile(r'([a-z_]+)="([^"]*)"', re.IGNORECASE)
_CLIENT: Final = "image-harness"


@dataclass(frozen=True, slots=True)
class _Login:
    """What ``docker login`` has stored, if anything.

    Attributes:
        basic: The Authorization header that name and password make.
        token: An identity token, which a registry exchanges for one that opens a repository.
    """

    basic: str | None = None
    token: str | None = None


def authorization_for(challenge: str, repository: Repository, client: httpx.Client) -> str | None:
    """Answer a registry's challenge with the value of an Authorization header; None for somebody unknown.

    Args:
        challenge: The registry's ``WWW-Authenticate``.
        repository: What is asked for.
        client: What carries the request for a token.

    Raises:
        HarnessError: The registry gives no token, asks for a password over an open line, or for one where a token is
            stored; or what is stored cannot be read.
    """
    scheme, _, rest = challenge.partition(" ")
    login = _stored(repository)
    if scheme.lower() == "basic":
        if login.token is not None:
            fix = f"log in with a password: docker login {repository.host}"
            raise HarnessError("asks for a password, stored is an identity token", where=repository.host, fix=fix)
        return login.basic
    values = {key.lower(): value for key, value in _PARAMETER.findall(rest)}
    realm = values.pop("realm", "")
    if not realm.startswith(("https://", "http://") if repository.is_loopback else "https://"):
        raise HarnessError(f"asks to log in at {realm!r}, which is not https", where=repository.host)
    values.setdefault("scope", f"repository:{repository.path}:pull,push")
    try:
        document = _ask(client, realm, values, login).json()
        # Whoever reads the header reads ASCII.
        return f"Bearer {document.get('token') or document['access_token']}".encode("ascii").decode()
    except (*NOBODY_THERE, ValueError, KeyError, AttributeError, RecursionError):
        fix = f"log in: docker login {repository.host}"
        raise HarnessError("gives no token", where=repository.host, fix=fix) from None


def _ask(client: httpx.Client, realm: str, values: Mapping[str, str], login: _Login) -> httpx.Response:
    if login.token is None:
        return client.get(realm, params=values, headers={"Authorization": login.basic} if login.basic else {})
    form = {**values, "grant_type": "refresh_token", "client_id": _CLIENT, "refresh_token": login.token}
    # The token stands in the body, which a redirect would take along to whatever host.
    return client.post(realm, data=form, follow_redirects=False)


def _stored(repository: Repository) -> _Login:
    try:
        found = docker.auth.load_config().resolve_authconfig(repository.host) or {}
    except (docker.errors.DockerException, ValueError, LookupError, TypeError, AttributeError) as error:
        raise HarnessError(f"cannot ask for its credentials: {error}", where=repository.host) from None
    # A file and a helper spell the same names differently.
    values = {key.lower(): value for key, value in found.items()}
    if values.get("identitytoken"):
        return _Login(token=values["identitytoken"])
    if "username" not in values:
        return _Login()
    pair = f"{values['username']}:{values['password']}"
    return _Login(f"Basic {base64.b64encode(pair.encode()).decode()}")
