"""A request as bytes: its head, refused before anything is sent where it could be read in two ways, and its body in pieces.

Fields go out in the order and the spelling in which they came; only those without which nobody could read it are added.
"""

from collections.abc import AsyncIterable, AsyncIterator

import httpx

from evenhand.errors import UpstreamError
from evenhand.proxy.client.wire import Wire
from evenhand.proxy.headers import Pairs

# RFC 9110 §5.6.2.
_TOKEN = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_VISIBLE = bytes(range(0x21, 0x7F))
# Only here does no length mean no body; elsewhere a 0 tells it (RFC 9110 §8.6).
_BODILESS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_PIECE_BYTES = 65_536

Body = bytes | AsyncIterable[bytes]


def body_of(request: httpx.Request) -> Body:
    """Bytes where the whole body is at hand."""
    stream = request.stream
    if isinstance(stream, httpx.ByteStream):
        return b"".join(stream)
    assert isinstance(stream, httpx.AsyncByteStream)
    return stream


def head_of(request: httpx.Request, body: Body) -> tuple[bytes, int | None]:
    """The head, and how many bytes follow it; None where they go out in chunks. Raises UpstreamError 400."""
    target = request.extensions.get("target") or request.url.raw_path
    pairs = request.headers.raw
    keys = [name.lower() for name, _ in pairs]
    if b"host" not in keys:
        pairs.insert(0, (b"Host", request.url.netloc))
    length = _framed(request.method, pairs, keys, body)
    lines = [b"%s: %s\r\n" % pair for pair in pairs]
    head = b"%s %s HTTP/1.1\r\n%s\r\n" % (request.method.encode(), target, b"".join(lines))
    names = b"".join([request.method.encode(), *keys])
    if names.translate(None, _TOKEN) or b"" in keys or target.translate(None, _VISIBLE) or not target:
        raise _unsendable("The request's method, target or a header name holds characters that HTTP does not allow there")
    ends = len(lines) + 2
    if head.count(b"\n") != ends or head.count(b"\r") != ends or b"\0" in head:
        raise _unsendable("A request header holds a line break or a NUL")
    return head, length


def _framed(method: str, pairs: Pairs, keys: list[bytes], body: Body) -> int | None:
    """Tells how long the body is by the fields, and adds the one that says so where there is none."""
    lengths = [value for key, (_, value) in zip(keys[::-1], pairs[::-1], strict=False) if key == b"content-length"]
    is_chunked, size = b"transfer-encoding" in keys, len(body) if isinstance(body, bytes) else None
    if len(lengths) + is_chunked > 1:
        raise _unsendable("The request says twice how long its body is")
    if is_chunked:
        return None
    if lengths:
        if not lengths[0].isdigit() or size not in (None, int(lengths[0])):
            raise _unsendable("The request's Content-Length is not the length of its body")
        return int(lengths[0])
    if size is None:
        pairs.append((b"Transfer-Encoding", b"chunked"))
    elif size or method not in _BODILESS:
        pairs.append((b"Content-Length", b"%d" % size))
    return size


def _unsendable(fault: str) -> UpstreamError:
    return UpstreamError(f"{fault}, which can't be forwarded; send it without.", status=400, sent=False)


def send(wire: Wire, head: bytes, body: Body, length: int | None) -> None:
    """In one write where the body is small; else in pieces, while the answer may already come."""
    if isinstance(body, bytes) and length is not None and length < _PIECE_BYTES:
        wire.write(head + body)
        return
    wire.write(head)
    source = _alone(body) if isinstance(body, bytes) else body
    wire.send(_in_chunks(wire, source) if length is None else _counted(wire, source, length))


async def _alone(body: bytes) -> AsyncIterator[bytes]:
    yield body


async def _counted(wire: Wire, source: AsyncIterable[bytes], length: int) -> bool:
    """Tells whether `source` held what the head says; never a byte more goes out."""
    left = length
    async for part in source:
        left -= len(part)
        if left < 0:
            return False
        view = memoryview(part)
        for start in range(0, len(view), _PIECE_BYTES):
            wire.write(view[start : start + _PIECE_BYTES])
            await wire.drain()
    return left == 0


async def _in_chunks(wire: Wire, source: AsyncIterable[bytes]) -> bool:
    async for part in source:
        view = memoryview(part)
        for start in range(0, len(view), _PIECE_BYTES):
            piece = view[start : start + _PIECE_BYTES]
            wire.write(b"%x\r\n%b\r\n" % (len(piece), bytes(piece)))
            await wire.drain()
    wire.write(b"0\r\n\r\n")
    return True
