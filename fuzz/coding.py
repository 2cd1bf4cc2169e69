"""Compressed bodies: any bytes decode to what the standard library says, within the limit, or are refused.

The first byte picks the coding, or two of them; the second how the bytes arrive.
"""

import gzip
import zlib
from collections.abc import Iterator

import brotli

from evenhand.errors import BodyError
from evenhand.proxy.coding import ACCEPTED, decoder_of

LIMIT = 65_536
CODINGS = [[name.encode()] for name in ACCEPTED] + [[b"gzip", b"gzip"], [b"deflate", b"br"], [b"x-gzip", b"zstd"]]
PLAIN = b'{"prompt":"a doctor"}' * 9


def seeds() -> Iterator[bytes]:
    raw = zlib.compressobj(wbits=-15)
    bodies = {0: gzip.compress(PLAIN), 1: zlib.compress(PLAIN), 2: brotli.compress(PLAIN)}
    yield from (bytes([index, 3]) + body for index, body in bodies.items())
    yield b"\x01\x05" + raw.compress(PLAIN) + raw.flush()
    yield b"\x00\x07" + gzip.compress(PLAIN) + gzip.compress(b"") + gzip.compress(PLAIN)
    yield b"\x00\xff" + gzip.compress(bytes(1_000_000))
    yield b"\x04\x00" + gzip.compress(gzip.compress(bytes(1_000_000)))
    yield b"\x05\x09" + brotli.compress(zlib.compress(PLAIN))
    yield b"\x03\x01\x28\xb5\x2f\xfd\x20\x05\x29\x00\x00hello"
    yield b"\x06\x02\x28\xb5\x2f\xfd\x04\x58"


def run(data: bytes) -> None:
    codings, step = (CODINGS[data[0] % len(CODINGS)], data[1] + 1) if len(data) > 1 else (CODINGS[0], 1)
    whole = decoded(codings, [data[2:]])
    chunks = [data[at : at + step] for at in range(2, len(data), step)]
    assert decoded(codings, chunks) == whole, "how the bytes arrive must not matter"
    if whole is not None and codings == [b"gzip"]:
        assert gzip.decompress(data[2:]) == whole


def decoded(codings: list[bytes], chunks: list[bytes]) -> bytes | None:
    """None where the body is refused."""
    decoder = decoder_of(codings, limit=LIMIT)
    found = b""
    try:
        for chunk in chunks:
            for piece in decoder.pieces(chunk):
                found += piece
                assert len(found) <= LIMIT
        return found + decoder.end()
    except BodyError as error:
        status = error.status
    assert status in (400, 413)
    return None
