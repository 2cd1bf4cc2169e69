"""Request bodies of any size: an ASGI `receive` comes in, the body as bytes or as a read-only map of an unlinked file goes out.

The body is held to a limit, to a deadline between pieces and to one in all; a Content-Encoding is taken off on the way.
Whatever goes wrong, the file is closed. This room never reads what the body says.
"""

import asyncio
import io
import mmap
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import IO

from evenhand.errors import BodyError
from evenhand.proxy.coding import codings_of, decoder_of
from evenhand.proxy.headers import Pairs, every, first
from evenhand.proxy.incoming import ClientGoneError, Message, Receive

Body = bytes | mmap.mmap

# A body that goes on arriving may take this many times the deadline of a piece.
TOTAL_TIMES = 10
# Bytes written to disk, or decoded, before others have their turn.
_BATCH = 1024 * 1024


@dataclass(slots=True)
class Intake:
    """A whole request body, to be closed after use. `decoded` tells that its Content-Encoding is gone."""

    body: Body
    decoded: bool = False

    def __len__(self) -> int:
        return len(self.body)

    def __enter__(self) -> "Intake":
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """May be called twice. A map that somebody still looks at goes when they let go."""
        if isinstance(self.body, mmap.mmap):
            with suppress(BufferError):
                self.body.close()

    async def aclose(self) -> None:
        """`close` off the event loop, as giving back the disk's blocks takes time."""
        if isinstance(self.body, mmap.mmap):
            await asyncio.to_thread(self.close)


async def take_in(
    receive: Receive, pairs: Pairs, *, limit: int, timeout_s: float, keep_bytes: int, decode: bool, is_here: bool = False
) -> Intake:
    """A body of at most `limit` bytes, both sent and decoded; above `keep_bytes` it lies on disk (in $TMPDIR).

    `is_here` tells that all of it came already, so that nothing is waited for.

    Raises BodyError 413 above the limit, 408 after `timeout_s` without a byte or ten times that in all, 415 and 400 for a
    Content-Encoding that can't be decoded, 503 where the disk fails; ClientGoneError where the client left.
    """
    told = first(pairs, b"content-length")
    if told and told.isdigit() and int(told) > limit:
        raise _too_large(limit)
    codings = codings_of(every(pairs, b"content-encoding")) if decode else []
    decoder = decoder_of(codings, limit=limit) if codings else None
    chunks = _Chunks(receive, limit=limit, timeout_s=timeout_s)
    chunk = await (chunks.whole() if is_here else chunks.next())
    if not chunks.more and decoder is None and len(chunk) <= keep_bytes:
        return Intake(chunk)
    store = _Store(keep_bytes)
    try:
        while True:
            if chunk:
                await store.add(decoder.pieces(chunk) if decoder else iter((chunk,)))
            if not chunks.more:
                break
            chunk = await chunks.next()
        if decoder:
            decoder.end()
        return Intake(await store.body(), decoded=decoder is not None)
    finally:
        store.close()


class _Chunks:
    """The pieces of a body as they come; `more` tells whether there may be another."""

    __slots__ = ("_last", "_limit", "_now", "_receive", "_size", "_timeout_s", "more")

    def __init__(self, receive: Receive, *, limit: int, timeout_s: float) -> None:
        self._receive = receive
        self._limit = limit
        self._timeout_s = timeout_s
        self._now = asyncio.get_running_loop().time
        self._last = self._now() + TOTAL_TIMES * timeout_s
        self._size = 0
        self.more = True

    async def next(self) -> bytes:
        due = min(self._now() + self._timeout_s, self._last)
        try:
            async with asyncio.timeout_at(due):
                message = await self._receive()
        except TimeoutError:
            raise _too_slow(self._timeout_s * (TOTAL_TIMES if due == self._last else 1)) from None
        return self._told(message)

    async def whole(self) -> bytes:
        """The only piece, where it is here already."""
        return self._told(await self._receive())

    def _told(self, message: Message) -> bytes:
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        chunk: bytes = message.get("body", b"")
        self.more = bool(message.get("more_body"))
        self._size += len(chunk)
        if self._size > self._limit:
            raise _too_large(self._limit)
        return chunk


class _Store:
    """Memory first, then a file. A first piece is kept as it is; more go to a BytesIO, whose `getvalue` copies nothing."""

    __slots__ = ("_file", "_first", "_keep_bytes", "_memory", "_since")

    def __init__(self, keep_bytes: int) -> None:
        self._keep_bytes = keep_bytes
        self._first = b""
        self._memory = io.BytesIO()
        self._file: IO[bytes] | None = None
        self._since = 0

    async def add(self, pieces: Iterator[bytes]) -> None:
        for piece in pieces:
            self._put(piece)
            if self._held() > (_BATCH if self._file else self._keep_bytes):
                await self._spill()
            self._since += len(piece)
            if self._since >= _BATCH:
                self._since = 0
                await asyncio.sleep(0)

    def _held(self) -> int:
        return len(self._first) + self._memory.tell()

    def _put(self, piece: bytes) -> None:
        if not self._held():
            self._first = piece
            return
        if self._first:
            self._memory.write(self._first)
            self._first = b""
        self._memory.write(piece)

    def _take(self) -> bytes:
        held, self._first, self._memory = self._first or self._memory.getvalue(), b"", io.BytesIO()
        return held

    async def _spill(self) -> None:
        with _disk_faults():
            if self._file is None:
                self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
            await asyncio.to_thread(self._file.write, self._take())

    async def body(self) -> Body:
        if self._file is None:
            return self._take()
        await self._spill()
        with _disk_faults():
            await asyncio.to_thread(self._file.flush)
            return mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)

    def close(self) -> None:
        """Waits for a write that a cancelled task left behind. The map has a descriptor of its own."""
        if self._file:
            # A full disk fails once more here, and its reason is told already.
            with suppress(OSError):
                self._file.close()


@contextmanager
def _disk_faults() -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        raise BodyError(f"The request body can't be kept on disk here ({fault.strerror}); try again later.", status=503) from None


def _too_large(limit: int) -> BodyError:
    return BodyError(f"The request body is larger than {limit:,} bytes, the limit here; send less.", status=413)


def _too_slow(timeout_s: float) -> BodyError:
    return BodyError(f"The request body did not arrive within {timeout_s:g} s; send it faster.", status=408)
