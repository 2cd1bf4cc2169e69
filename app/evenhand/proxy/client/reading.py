"""One answer of an image API, from bytes as they come: status, fields and body. It knows no socket.

llhttp reads it, with the leniencies that a client needs and nothing more. After anything that is not exactly one whole
answer, `stays` is False, and what comes later must not be read by the same parser.
"""

from typing import Any

import httptools

from evenhand.proxy.headers import Pairs, every

LINE_BYTES = 65_536
HEAD_BYTES = 262_144
FIELDS = 128
_UNREADABLE = "The image API's answer is not readable HTTP; it may still have drawn the picture."
_SWITCHED = "The image API changed to a protocol that nobody asked for."


class _StopError(Exception):
    """Makes the parser stop where it stands; its text is why."""


class Reading:
    """`chunks` is what has come of the body and was not taken yet; `complete` tells that all of it has come.

    `status` is 0 until the head of the final answer has come.
    """

    __slots__ = (
        "_dull",
        "_fields",
        "_has_body",
        "_reason",
        "buffered",
        "chunks",
        "complete",
        "fields",
        "parser",
        "status",
        "stays",
    )

    def __init__(self) -> None:
        self.parser: Any = httptools.HttpResponseParser(self)
        # Old servers end lines with LF alone, pad chunk sizes and put control characters into fields.
        self.parser.set_dangerous_leniencies(
            lenient_headers=True, lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )
        self.expect(has_body=False)
        self.complete = True  # nothing is awaited, so whatever comes is too much

    def expect(self, *, has_body: bool) -> None:
        """From now on one answer is awaited. `has_body` is False where the request is a HEAD."""
        self.status = self.buffered = self._dull = self._reason = 0
        self.fields: Pairs = []
        self.chunks: list[bytes] = []
        self._fields: Pairs = []
        self._has_body = has_body
        self.complete = self.stays = False

    def feed(self, data: bytes) -> str:
        """Why this is no answer, in a sentence; empty where it may be one."""
        had, before = self.status, self.buffered
        try:
            self.parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as fault:
            self.stays = False
            if self.complete:  # what follows a whole answer takes nothing from it
                return ""
            self.status = had  # a head that came with nonsense is none
            return str(fault.__context__) if isinstance(fault.__context__, _StopError) else _UNREADABLE
        if self.buffered > before or self.status != had:
            self._dull = 0
            return ""
        self._dull += len(data)  # fields, trailers, extensions of chunks: all that is no body
        return _UNREADABLE if self._dull > (LINE_BYTES if had else HEAD_BYTES) else ""

    def take(self) -> bytes:
        """All of the body that has come and was not taken yet."""
        chunks, self.chunks, self.buffered = self.chunks, [], 0
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def finish(self, *, stays: bool) -> None:
        self.complete, self.stays = True, stays

    def ends_by_closing(self) -> bool:
        """RFC 9112 §6.3: neither a length nor a last chunk tells where the body ends."""
        last = b",".join(every(self.fields, b"transfer-encoding")).rpartition(b",")[2].strip(b" \t").lower()
        return bool(self.status) and last != b"chunked" and not every(self.fields, b"content-length")

    # What the parser calls.

    def on_message_begin(self) -> None:
        if self.complete:
            raise _StopError
        self._fields = []

    def on_status(self, part: bytes) -> None:
        self._reason += len(part)

    def on_header(self, name: bytes, value: bytes) -> None:
        # llhttp takes "Content-Length :", which nobody may hand on (RFC 9112 §5.1).
        self._fields.append((name.rstrip(b" "), value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        status = self.parser.get_status_code()
        if 100 <= status < 200 and status != 101:
            return
        if status < 200:
            raise _StopError(_SWITCHED)
        if self._reason > LINE_BYTES or not _is_bearable(self._fields):
            raise _StopError(_UNREADABLE)
        self.status, self.fields, self._fields = status, self._fields, []  # trailers go into the new list, and nowhere
        if not self._has_body:
            self.finish(stays=False)
            raise _StopError  # the parser would wait for the body that the fields describe

    def on_body(self, part: bytes) -> None:
        if not self.status:
            raise _StopError(_UNREADABLE)  # an interim answer has none
        self.chunks.append(part)
        self.buffered += len(part)

    def on_message_complete(self) -> None:
        if self.status:
            self.finish(stays=self.parser.should_keep_alive())


def _is_bearable(fields: Pairs) -> bool:
    """Few enough, short enough, and without what no field may hold."""
    total = 0
    for name, value in fields:
        size = len(name) + len(value)
        total += size
        if size > LINE_BYTES or b"\0" in value:
            return False
    return len(fields) <= FIELDS and total <= HEAD_BYTES
