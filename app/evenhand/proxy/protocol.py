"""The HTTP parser and event loop: httptools and uvloop where installed, h11 and asyncio elsewhere.

The server's own parser lets a client take for ever over its header block, and loses how the request target was spelled.
Both are mended here: a deadline closes the connection, and absolute-form targets can be told and refused.
"""

import asyncio
from collections.abc import Callable
from typing import Any


def http_protocol(*, header_timeout_s: float) -> type[asyncio.Protocol]:
    try:
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
    except ImportError:
        from uvicorn.protocols.http.h11_impl import H11Protocol

        return H11Protocol

    class StrictProtocol(HttpToolsProtocol):
        _deadline: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._start_deadline()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_deadline()
            super().connection_lost(exc)

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self._start_deadline()

        def on_headers_complete(self) -> None:
            self._stop_deadline()
            self.scope["extensions"] = {"evenhand.target": self.url}  # type: ignore[dict-item]
            super().on_headers_complete()

        def _start_deadline(self) -> None:
            self._stop_deadline()
            self._deadline = self.loop.call_later(header_timeout_s, self.transport.close)

        def _stop_deadline(self) -> None:
            if self._deadline is not None:
                self._deadline.cancel()

    return StrictProtocol


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
