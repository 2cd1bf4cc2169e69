"""Where a request goes: raw path -> upstream -> operation, and the URL, which is always built from the configured origin.

Only the raw path counts, never a decoded one, and the host always comes from the configuration.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from urllib.parse import unquote_to_bytes

import httpx

from evenhand.dialects.spec import Dialect, Operation, Passing
from evenhand.errors import SettingsError
from evenhand.proxy.refusal import Refusal
from evenhand.rules.schema import UpstreamRule
from evenhand.settings import Settings
from evenhand.text import like

_ALLOWED = re.compile(rb"/(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*")
_DEVIOUS = re.compile(rb"//|\\|\0|(?:^|/)\.{1,2}(?:/|$)")
_REMEMBERED = 256


@dataclass(frozen=True, kw_only=True)
class Upstream:
    """An image API and the dialects spoken there. `strip` takes `path` off before forwarding."""

    id: str
    path: str
    origin: str
    timeout_s: float
    connect_timeout_s: float
    dialects: tuple[Dialect, ...]
    strip: bool = False
    region: str | None = None

    @cached_property
    def url(self) -> httpx.URL:
        return httpx.URL(self.origin)

    @cached_property
    def host(self) -> bytes:
        return self.url.netloc

    @cached_property
    def operations(self) -> tuple[Operation, ...]:
        return tuple(operation for dialect in self.dialects for operation in dialect.operations)

    def find(self, method: str, raw_path: bytes) -> Operation | None:
        """The latest are remembered, since most requests go to a few paths; long ones would only fill the memory."""
        return self._latest(method, raw_path) if len(raw_path) <= _REMEMBERED else find(self.operations, method, raw_path)

    @cached_property
    def _latest(self) -> Callable[[str, bytes], Operation | None]:
        return lru_cache(_REMEMBERED)(partial(find, self.operations))

    @cached_property
    def passings(self) -> tuple[Passing, ...]:
        return tuple(passing for dialect in self.dialects for passing in dialect.passings)

    @cached_property
    def is_signed(self) -> bool:
        return any(operation.signed for operation in self.operations)

    @cached_property
    def prefix(self) -> bytes:
        return self.path.rstrip("/").encode()

    def serves(self, raw_path: bytes) -> bool:
        return raw_path == self.prefix or raw_path.startswith(self.prefix + b"/")

    def inner(self, raw_path: bytes) -> bytes:
        """The path as the image API knows it."""
        return (raw_path[len(self.prefix) :] or b"/") if self.strip else raw_path


def upstreams_of(rules: Iterable[UpstreamRule], settings: Settings, dialects: Sequence[Dialect]) -> tuple[Upstream, ...]:
    """The longest path first. The setting `upstream` overrides them all. Raises SettingsError for an unknown dialect."""
    if settings.upstream:
        names = [name.strip() for name in settings.dialects.split(",") if name.strip()]
        only = Upstream(
            id="upstream",
            path="/",
            origin=settings.upstream,
            timeout_s=settings.timeout_s,
            connect_timeout_s=settings.connect_timeout_s,
            dialects=_spoken(names, settings.upstream, dialects),
        )
        return (only,)
    found = [
        Upstream(
            id=rule.id,
            path=rule.path,
            origin=rule.origin,
            timeout_s=rule.timeout_s,
            connect_timeout_s=rule.connect_timeout_s,
            dialects=_spoken(rule.dialects, rule.origin, dialects),
            strip=rule.strip,
            region=rule.region,
        )
        for rule in rules
    ]
    return tuple(sorted(found, key=lambda upstream: -len(upstream.path)))


def _spoken(names: Sequence[str], origin: str, dialects: Sequence[Dialect]) -> tuple[Dialect, ...]:
    """The dialects named; else those of the origin's host; else the usual ones."""
    known = {dialect.id: dialect for dialect in dialects}
    for name in names:
        if name not in known:
            raise SettingsError(f"There is no dialect '{name}'; the known ones are: {', '.join(sorted(known))}.")
    try:
        host = httpx.URL(origin).host
    except httpx.InvalidURL:
        raise SettingsError(f"The origin {origin} has no valid host; write four decimal numbers or a name.") from None
    at_home = [dialect for dialect in dialects if any(like(pattern, host) for pattern in dialect.hosts)]
    return tuple(known[name] for name in names) or tuple(at_home) or tuple(each for each in dialects if each.usual)


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
    if _DEVIOUS.search(unquote_to_bytes(raw_path) if b"%" in raw_path else raw_path):
        raise Refusal(400, "The request path holds '//', '.', '..' or a backslash; send the plain path.", code="invalid_target")


def find(operations: Sequence[Operation], method: str, raw_path: bytes) -> Operation | None:
    for operation in operations:
        if operation.method == method and operation.matches(raw_path):
            return operation
    return None


def passes(upstream: Upstream, method: str, raw_path: bytes) -> bool:
    """Whether a dialect lists the path as one without prompts."""
    return any(passing.method == method and passing.matches(raw_path) for passing in upstream.passings)


def disguised(operations: Sequence[Operation], raw_path: bytes) -> Operation | None:
    """The guarded operation that an upstream may read this path as, although it is spelled otherwise."""
    plain = unquote_to_bytes(raw_path).rstrip(b"/").lower()
    return next((operation for operation in operations if operation.matches(plain)), None)
