"""Where a request goes: the raw path is checked, matched to a guarded operation, and given an upstream's origin.

Only the raw path counts, never a decoded one, and the host always comes from the configuration.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import unquote_to_bytes

import httpx

from evenhand.dialects.spec import Operation
from evenhand.proxy.refusal import Refusal
from evenhand.rules.schema import UpstreamRule
from evenhand.settings import Settings

_ALLOWED = re.compile(rb"/(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*")
_DOTS = re.compile(rb"(?:^|/)\.{1,2}(?:/|$)")


@dataclass(frozen=True, kw_only=True)
class Upstream:
    path: str
    origin: str
    timeout_s: float
    connect_timeout_s: float

    @cached_property
    def url(self) -> httpx.URL:
        return httpx.URL(self.origin)

    @cached_property
    def host(self) -> bytes:
        return self.url.netloc

    def serves(self, raw_path: bytes) -> bool:
        prefix = self.path.rstrip("/").encode()
        return raw_path == prefix or raw_path.startswith(prefix + b"/")


def upstreams_of(rules: Iterable[UpstreamRule], settings: Settings) -> tuple[Upstream, ...]:
    """The longest path first. The setting `upstream` overrides them all."""
    if settings.upstream:
        limits = {"timeout_s": settings.timeout_s, "connect_timeout_s": settings.connect_timeout_s}
        return (Upstream(path="/", origin=settings.upstream, **limits),)
    found = [
        Upstream(path=rule.path, origin=rule.origin, timeout_s=rule.timeout_s, connect_timeout_s=rule.connect_timeout_s)
        for rule in rules
    ]
    return tuple(sorted(found, key=lambda upstream: -len(upstream.path)))


def pick(upstreams: Sequence[Upstream], raw_path: bytes) -> Upstream:
    for upstream in upstreams:
        if upstream.serves(raw_path):
            return upstream
    message = "No upstream is configured for this path; set EVENHAND_UPSTREAM or add one to upstreams.yaml."
    raise Refusal(502, message, code="no_upstream")


def check_path(raw_path: bytes, target: bytes | None) -> None:
    """`target` is the request target as it stood in the request line, where the server tells it."""
    if target is not None and target.partition(b"?")[0] != raw_path:
        raise Refusal(400, "The request target must be a plain path such as /v1/images/generations.", code="invalid_target")
    if not _ALLOWED.fullmatch(raw_path):
        raise Refusal(
            400, "The request path holds characters that a path can't have; percent-encode them.", code="invalid_target"
        )
    decoded = unquote_to_bytes(raw_path)
    if b"//" in decoded or b"\\" in decoded or _DOTS.search(decoded) or b"\0" in decoded:
        raise Refusal(400, "The request path holds '//', '.', '..' or a backslash; send the plain path.", code="invalid_target")


def find(operations: Sequence[Operation], method: str, raw_path: bytes) -> Operation | None:
    for operation in operations:
        if operation.method == method and operation.matches(raw_path):
            return operation
    return None


def disguised(operations: Sequence[Operation], raw_path: bytes) -> Operation | None:
    """The guarded operation that an upstream may read this path as, although it is spelled otherwise."""
    plain = unquote_to_bytes(raw_path).rstrip(b"/").lower()
    return next((operation for operation in operations if operation.matches(plain)), None)
