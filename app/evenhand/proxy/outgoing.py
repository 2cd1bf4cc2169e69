"""What goes upstream: the client's method, path and fields around a body of ours, signed anew where the API demands it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx

from evenhand.dialects.splice import Pieces
from evenhand.proxy.errand import Errand
from evenhand.proxy.headers import Pairs, upstream_headers
from evenhand.proxy.signing import Signer
from evenhand.proxy.target import Upstream

SMALL_BYTES = 1_048_576


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """What all upstream requests of one client request share. `signer` is set where requests must be signed by us."""

    method: str
    target: bytes
    pairs: Pairs
    request_id: str
    upstream: Upstream
    decoded: bool = False
    signer: Signer | None = None

    def request(self, body: Pieces, errand: Errand, *, part: str = "") -> httpx.Request:
        """`part` tells one of several requests from the others; an idempotency key must not make them one."""
        upstream = self.upstream
        headers = upstream_headers(
            _keyed(self.pairs, part) if part else self.pairs,
            host=upstream.host,
            length=len(body),
            request_id=self.request_id,
            plain=errand.reads_answer,
            changed=errand.changes_body,
            decoded=self.decoded,
        )
        if self.signer is not None:
            headers = self.signer.signed(self.method, upstream.url, self.target, headers, bytes(body))
        limits = {"total": upstream.timeout_s, "connect": upstream.connect_timeout_s}
        extensions = {"target": self.target, "timeout": limits}
        return httpx.Request(self.method, upstream.url, headers=headers, stream=_stream(body), extensions=extensions)


def _stream(body: Pieces) -> httpx.AsyncByteStream:
    return httpx.ByteStream(bytes(body)) if len(body) <= SMALL_BYTES else _Flow(body)


class _Flow(httpx.AsyncByteStream):
    """A large body, a piece at a time."""

    def __init__(self, body: Pieces) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._body:
            yield piece


def _keyed(pairs: Pairs, part: str) -> Pairs:
    return [(name, value + part.encode() if name == b"idempotency-key" else value) for name, value in pairs]
