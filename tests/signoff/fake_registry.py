"""A registry in memory, behind httpx: as much of the OCI distribution API as a client of ours uses."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any

import httpx

INDEX = "application/vnd.oci.image.index.v1+json"
_ROUTE = re.compile(r"/v2/(?P<name>.+)/(?P<kind>manifests|blobs|referrers)/(?P<reference>[^/]+/?)$")


@dataclass
class FakeRegistry:
    """Change ``blobs`` and ``manifests`` to make it lie.

    Attributes:
        knows_referrers: Whether it has the referrers API.
        token: What a client must log in for; None for anybody.
        page: How many referrers it lists at once.
    """

    knows_referrers: bool = True
    token: str | None = None
    page: int = 1000
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self.answer)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{request.method} {request.url.path}")
        if request.url.path == "/token":
            return httpx.Response(200, json={"token": self.token})
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            challenge = f'Bearer realm="{request.url.copy_with(path="/token", query=None)}",service="fake"'
            return httpx.Response(401, headers={"WWW-Authenticate": challenge})
        if request.url.path.endswith("/blobs/uploads/"):
            return httpx.Response(202, headers={"Location": f"{request.url.path}one?state=x"})
        if request.method == "PUT" and "/blobs/uploads/" in request.url.path:
            return self._store_blob(request)
        match = _ROUTE.search(request.url.path)
        assert match, request.url
        answer = getattr(self, f"_{request.method.lower()}_{match['kind']}")
        response: httpx.Response = answer(match["reference"], request)
        return response

    def _store_blob(self, request: httpx.Request) -> httpx.Response:
        digest = request.url.params["digest"]
        if digest != digest_of(request.content) or request.url.params.get("state") != "x":
            return httpx.Response(400)
        self.blobs[digest] = request.content
        return httpx.Response(201)

    def _head_blobs(self, reference: str, _request: httpx.Request) -> httpx.Response:
        return httpx.Response(200 if reference in self.blobs else 404)

    def _get_blobs(self, reference: str, _request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=self.blobs[reference]) if reference in self.blobs else httpx.Response(404)

    def _get_manifests(self, reference: str, _request: httpx.Request) -> httpx.Response:
        if reference not in self.manifests:
            return httpx.Response(404)
        content, media_type = self.manifests[reference]
        return httpx.Response(200, content=content, headers={"Content-Type": media_type})

    def _put_manifests(self, reference: str, request: httpx.Request) -> httpx.Response:
        entry = (request.content, request.headers["Content-Type"])
        document: dict[str, Any] = json.loads(request.content)
        for described in (document.get("config"), *document.get("layers", [])):
            if described and described["digest"] not in self.blobs:
                return httpx.Response(400, json={"errors": [{"code": "BLOB_UNKNOWN"}]})
        self.manifests[reference] = self.manifests[digest_of(request.content)] = entry
        headers = {"OCI-Subject": document["subject"]["digest"]} if self._counts(document) else {}
        return httpx.Response(201, headers=headers)

    def _counts(self, document: dict[str, Any]) -> bool:
        return self.knows_referrers and "subject" in document

    def _get_referrers(self, reference: str, request: httpx.Request) -> httpx.Response:
        if not self.knows_referrers:
            return httpx.Response(404, text="404 page not found")
        found = []
        for digest, (content, media_type) in self.manifests.items():
            document = json.loads(content)
            if digest.startswith("sha256:") and document.get("subject", {}).get("digest") == reference:
                entry = {"mediaType": media_type, "digest": digest, "size": len(content)}
                found.append({**entry, "artifactType": document["artifactType"]})
        start = int(request.url.params.get("last", 0))
        end = start + self.page
        body = {"schemaVersion": 2, "mediaType": INDEX, "manifests": found[start:end]}
        link = {"Link": f'<{request.url.path}?last={end}>; rel="next"'} if end < len(found) else {}
        return httpx.Response(200, content=json.dumps(body), headers={"Content-Type": INDEX, **link})


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
