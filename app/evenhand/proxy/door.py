"""Connections above the limit: each is told so in one HTTP answer and closed, before a byte of it is read."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus

from evenhand.proxy.refusal import Refusal, refusal_body, refusal_headers
from evenhand.proxy.watch.logs import log

# How long a connection turned away may take to read why.
LINGER_S = 1.0
# At most one log line about connections turned away in this time.
QUIET_S = 10.0
_TOO_MANY = Refusal(
    503,
    "Too many connections are open here; try again, or raise EVENHAND_MAX_CONNECTIONS.",
    code="too_many_connections",
    retry=True,
    close=True,
)


class Door:
    """Answers connections above the limit, counts each, and logs how many they were, now and then."""

    def __init__(self, limit: int, count: Callable[[], object] = int) -> None:
        self._limit = limit
        self._count = count
        self._turned_away = 0
        self._quiet_until = 0.0

    def turn_away(self, transport: asyncio.Transport) -> None:
        _TurnedAway(transport)
        self._turned_away += 1
        self._count()
        now = asyncio.get_running_loop().time()
        if now >= self._quiet_until:
            log.warning("too_many_connections", limit=self._limit, turned_away=self._turned_away)
            self._turned_away, self._quiet_until = 0, now + QUIET_S


class _TurnedAway(asyncio.Protocol):
    """Reads on a little, since closing with unread bytes would take the answer away from the client (RFC 9112 §9.6)."""

    def __init__(self, transport: asyncio.Transport) -> None:
        transport.set_protocol(self)
        transport.write(message_of(_TOO_MANY))
        transport.write_eof()
        self._timer = asyncio.get_running_loop().call_later(LINGER_S, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()


def message_of(refusal: Refusal) -> bytes:
    """A whole HTTP/1.1 answer, for where no request could be read."""
    body = refusal_body(refusal, "openai")
    start = b"HTTP/1.1 %d %s" % (refusal.status, HTTPStatus(refusal.status).phrase.encode())
    return b"\r\n".join([start, *(b"%s: %s" % pair for pair in refusal_headers(refusal, "openai", body)), b"", body])
