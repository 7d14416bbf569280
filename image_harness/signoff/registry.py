"""A client of the OCI distribution API, version 1.1: documents and small blobs, each checked against its digest.

Whoever is logged in with ``docker login`` is logged in here: the same configuration and credential helpers are asked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from types import TracebackType
from typing import Final, Self, TypeAlias

import httpx

from image_harness.errors import HarnessError
from image_harness.signoff.errors import NotVerifiedError
from image_harness.signoff.login import NOBODY_THERE, authorization_for
from image_harness.signoff.repository import Repository
from image_harness.types import Digest

OCI_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX: Final = "application/vnd.oci.image.index.v1+json"
_DOCKER_TYPES: Final = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_MANIFESTS: Final = ", ".join((OCI_MANIFEST, OCI_INDEX, *_DOCKER_TYPES))
#: No statement or bill of materials is nearly as large; a registry that sends more is not to fill the memory.
MAX_BYTES: Final = 32 * 1024 * 1024
_PATIENCE: Final = timedelta(seconds=60)

#: Reads what a response carries.
Receive: TypeAlias = "Callable[[httpx.Response], bytes]"


@dataclass(frozen=True, slots=True)
class _Answer:
    """A response with its body read."""

    status: int
    headers: httpx.Headers
    body: bytes
    request: str
    next_page: str | None

    @property
    def media_type(self) -> str:
        return str(self.headers.get("Content-Type", "")).partition(";")[0].strip()


@dataclass(frozen=True, slots=True)
class Document:
    """A manifest or index as the registry gave it, checked where it was asked for by digest."""

    content: bytes
    media_type: str
    digest: Digest


def _body(response: httpx.Response) -> bytes:
    """Read a response's body, up to a limit."""
    pieces, size = [], 0
    for piece in response.iter_bytes():
        size += len(piece)
        if size > MAX_BYTES:
            raise HarnessError(f"the registry sends more than {MAX_BYTES} bytes", where=response.request.url.host)
        pieces.append(piece)
    return b"".join(pieces)


def _fingerprint(response: httpx.Response) -> bytes:
    """Read a response's body, however long, and keep its SHA-256 alone."""
    digest = hashlib.sha256()
    for piece in response.iter_bytes():
        digest.update(piece)
    return digest.digest()


def _origin(url: str) -> tuple[str, str, int | None]:
    parsed = httpx.URL(url)
    return parsed.scheme, parsed.host, parsed.port


class Registry:
    """One repository of a registry. Use it as a context manager.

    Args:
        repository: Where.
        transport: What carries requests; None for the network.
    """

    def __init__(self, repository: Repository, transport: httpx.BaseTransport | None = None) -> None:
        self.repository = repository
        self._client = httpx.Client(
            timeout=_PATIENCE.total_seconds(), follow_redirects=True, transport=transport, trust_env=True
        )
        self._authorization: str | None = None

    def __enter__(self) -> Self:
        self._client.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._client.__exit__(kind, value, traceback)

    def manifest(self, reference: Digest | str) -> Document | None:
        """Read a manifest or index by digest or tag; None where there is none.

        Raises:
            NotVerifiedError: It has another digest than it was asked for by.
            HarnessError: The registry cannot be reached or refuses.
        """
        answer = self._get(f"/manifests/{reference}", accept=_MANIFESTS)
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        digest = digest_of(answer.body)
        if isinstance(reference, Digest) and digest != reference:
            raise self._altered("manifest", reference, digest)
        return Document(answer.body, answer.media_type, digest)

    def blob(self, digest: Digest) -> bytes:
        """Read a blob.

        Raises:
            NotVerifiedError: It has another digest than it was asked for by.
            HarnessError: There is none, or the registry cannot be reached or refuses.
        """
        answer = self._get(f"/blobs/{digest}", accept="*/*")
        if answer.status == HTTPStatus.NOT_FOUND:
            raise HarnessError(f"the registry has no blob {digest}", where=str(self.repository))
        if digest_of(answer.body) != digest:
            raise self._altered("blob", digest, digest_of(answer.body))
        return answer.body

    def check_blob(self, digest: Digest) -> None:
        """Read a blob of any size and compare its digest.

        Raises:
            NotVerifiedError: It has another digest than it was asked for by.
            HarnessError: There is none, or the registry cannot be reached or refuses.
        """
        answer = self._send("GET", f"/blobs/{digest}", receive=_fingerprint)
        found = Digest(f"sha256:{self._expect(answer, HTTPStatus.OK).body.hex()}")
        if found != digest:
            raise self._altered("blob", digest, found)

    def referrers(self, digest: Digest) -> Iterator[bytes]:
        """Read the index of what refers to a manifest, page by page; no page where the registry does not know the API.

        Raises:
            HarnessError: The registry cannot be reached or refuses, or does not give the next page.
        """
        url = f"{self.repository.url}/referrers/{digest}"
        answer = self._get(url, accept=OCI_INDEX)
        # Old registries answer with 404 or with something that is no index.
        if answer.status != HTTPStatus.OK or answer.media_type != OCI_INDEX:
            return
        yield answer.body
        while answer.next_page is not None:
            url = self._own(url, answer.next_page)
            answer = self._expect(self._send("GET", url, headers={"Accept": OCI_INDEX}), HTTPStatus.OK)
            yield answer.body

    def push_blob(self, content: bytes) -> Digest:
        """Store a blob, unless it is there.

        Raises:
            HarnessError: The registry cannot be reached or refuses.
        """
        digest = digest_of(content)
        there = self._send("HEAD", f"/blobs/{digest}")
        if there.status == HTTPStatus.OK:
            return digest
        begun = self._expect(self._send("POST", "/blobs/uploads/"), HTTPStatus.ACCEPTED)
        target = self._upload_url(begun.headers.get("Location", ""), digest)
        headers = {"Content-Type": "application/octet-stream"}
        self._expect(self._send("PUT", target, content=content, headers=headers), HTTPStatus.CREATED)
        return digest

    def push_manifest(self, reference: Digest | str, content: bytes, media_type: str) -> bool:
        """Store a manifest or index.

        Returns:
            Whether the registry keeps account of what refers to what (``OCI-Subject``).

        Raises:
            HarnessError: The registry cannot be reached or refuses.
        """
        headers = {"Content-Type": media_type}
        answer = self._send("PUT", f"/manifests/{reference}", content=content, headers=headers)
        return "OCI-Subject" in self._expect(answer, HTTPStatus.CREATED).headers

    def _upload_url(self, location: str, digest: Digest) -> str:
        try:
            url = httpx.URL(f"{self.repository.url}/").join(location)
        except httpx.InvalidURL:
            what = f"the registry takes uploads at {location!r}, which is no URL"
            raise HarnessError(what, where=self.repository.host) from None
        return str(url.copy_merge_params({"digest": str(digest)}))

    def _own(self, base: str, link: str) -> str:
        """Where a link leads, if that is this registry."""
        try:
            url = str(httpx.URL(base).join(link))
            own = _origin(url) == _origin(self.repository.url)
        except httpx.InvalidURL:
            own = False
        if not own:
            raise HarnessError(f"the registry continues its list elsewhere: {link}", where=self.repository.host)
        return url

    def _get(self, path: str, *, accept: str) -> _Answer:
        answer = self._send("GET", path, headers={"Accept": accept})
        return answer if answer.status == HTTPStatus.NOT_FOUND else self._expect(answer, HTTPStatus.OK)

    def _send(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        receive: Receive = _body,
    ) -> _Answer:
        url = path if path.startswith("http") else f"{self.repository.url}{path}"
        answer = self._request(method, url, content, headers or {}, receive)
        if answer.status == HTTPStatus.UNAUTHORIZED and "WWW-Authenticate" in answer.headers:
            challenge = answer.headers["WWW-Authenticate"]
            self._authorization = authorization_for(challenge, self.repository, self._client)
            answer = self._request(method, url, content, headers or {}, receive)
        return answer

    def _request(
        self, method: str, url: str, content: bytes | None, headers: Mapping[str, str], receive: Receive
    ) -> _Answer:
        # Uploads may be told to go to another host, which the credentials are none of the business of.
        own = _origin(url) == _origin(self.repository.url)
        authorization = {"Authorization": self._authorization} if self._authorization and own else {}
        sent = {**headers, **authorization}
        try:
            with self._client.stream(method, url, content=content, headers=sent) as response:
                body = receive(response) if response.status_code == HTTPStatus.OK else _body(response)
        except NOBODY_THERE as error:
            what = f"the registry does not answer: {error or type(error).__name__}"
            raise HarnessError(what, where=self.repository.host, fix="check the name and that it runs") from None
        asked = f"{method} {response.request.url.path}"
        next_page = response.links.get("next", {}).get("url")
        return _Answer(response.status_code, response.headers, body, asked, next_page)

    def _expect(self, answer: _Answer, status: HTTPStatus) -> _Answer:
        if answer.status == status:
            return answer
        if answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            what, fix = "the registry does not let you in", f"log in: docker login {self.repository.host}"
            raise HarnessError(what, where=str(self.repository), fix=fix)
        detail = " ".join(answer.body.decode("utf-8", "replace").split())[:200]
        what = f"{answer.request} was answered {answer.status}: {detail}"
        raise HarnessError(what, where=self.repository.host)

    def _altered(self, what: str, expected: Digest, found: Digest) -> NotVerifiedError:
        return NotVerifiedError(
            f"the {what} was altered: asked for {expected}, got {found}", where=str(self.repository)
        )


def digest_of(content: bytes) -> Digest:
    """The digest that content is addressed by."""
    return Digest(f"sha256:{hashlib.sha256(content).hexdigest()}")
