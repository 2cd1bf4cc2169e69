"""Can the image API be connected to? Name, TCP and TLS are tried, and not one byte of HTTP is sent.

An origin comes in, a sentence comes out where something is wrong. What is found is a detail for operators and never decides
whether this process is ready: an upstream that is down for all would take every sidecar out of service at once.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

FRESH_S = 15.0
TIMEOUT_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """`error` is empty where the connection stood. `at` is on the monotonic clock, in seconds."""

    at: float
    error: str = ""


async def reach(origin: str, *, timeout_s: float = TIMEOUT_S) -> str:
    """Why there is no connection to `origin` (scheme, host, port), in a sentence; empty where there is one."""
    parts = urlsplit(origin)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        async with asyncio.timeout(timeout_s):
            _, writer = await asyncio.open_connection(host, port, ssl=_tls() if parts.scheme == "https" else None)
    except (OSError, TimeoutError, ValueError) as fault:
        return _sentence(fault, host, port, timeout_s)
    writer.close()
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(timeout_s):
            await writer.wait_closed()
    return ""


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _sentence(fault: BaseException, host: str, port: int, timeout_s: float) -> str:
    if isinstance(fault, socket.gaierror):
        return f"The name '{host}' has no address; check the spelling and the DNS server."
    if isinstance(fault, ssl.SSLCertVerificationError):
        return f"{host}:{port} shows a certificate that is not trusted: {fault.verify_message}. Add its authority."
    if isinstance(fault, ssl.SSLError):
        return f"{host}:{port} does not speak TLS; check the port, or write http:// instead of https://."
    if isinstance(fault, TimeoutError):
        return f"{host}:{port} did not answer within {timeout_s:g} s; check firewalls and network policies."
    if isinstance(fault, ConnectionRefusedError):
        return f"Nothing listens on {host}:{port}; check host and port."
    return f"{host}:{port} can't be connected to: {getattr(fault, 'strerror', None) or type(fault).__name__}."


class Lookout:
    """Tries upstreams in the background, each at most every `fresh_s`, and only while somebody asks."""

    def __init__(self, *, fresh_s: float = FRESH_S) -> None:
        self._fresh_s = fresh_s
        self._found: dict[str, Reached] = {}
        self._looking: asyncio.Task[None] | None = None

    def look(self, origins: Iterable[str]) -> dict[str, Reached | None]:
        """What was found last for each; None where nothing was yet. Starts another look where that is old."""
        wanted = dict.fromkeys(origins)
        now = time.monotonic()
        stale = [it for it in wanted if it not in self._found or now - self._found[it].at > self._fresh_s]
        if stale and (self._looking is None or self._looking.done()):
            self._looking = asyncio.create_task(self._look(stale))
        return {origin: self._found.get(origin) for origin in wanted}

    async def _look(self, origins: list[str]) -> None:
        errors = await asyncio.gather(*(reach(origin) for origin in origins))
        now = time.monotonic()
        self._found = {**self._found, **{it: Reached(at=now, error=error) for it, error in zip(origins, errors, strict=True)}}

    async def aclose(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            with suppress(asyncio.CancelledError):
                await self._looking
