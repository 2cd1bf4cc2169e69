"""Request bodies with a Content-Encoding (RFC 9110 §8.4): compressed pieces come in, plain pieces of a bounded size go out.

Every layer is held to the limit, so that neither a bomb nor a bomb in a bomb costs more memory or time than a plain body.
A broken, cut or overlong body is a BodyError; nothing is guessed and nothing passes undecoded.
"""

import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

import brotli

from evenhand.errors import BodyError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MAX_LAYERS = 2
# Members of a gzip file or frames of a zstd one, each of which costs a new decoder.
MAX_MEMBERS = 1000
# Bytes put in and asked for at a time.
_SLICE = 16 * 1024
_PIECE = 128 * 1024
# RFC 9659: 8 MiB is the largest window of this coding.
_ZSTD_WINDOW_LOG = 23


class Codec(Protocol):
    """The form of the standard library's bz2, lzma and zstd decompressors. Raises one of `_FAULTS`."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


_FAULTS = (zlib.error, brotli.error, zstd.ZstdError, EOFError)


class _Zlib:
    """gzip, zlib or raw deflate, by zlib's `wbits`."""

    def __init__(self, wbits: int) -> None:
        self._inner = zlib.decompressobj(wbits)
        self._full = False

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not (self.eof or self._full or self._inner.unconsumed_tail)

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        plain = self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        self._full = len(plain) >= max_length
        return plain


class _Deflate:
    """zlib by RFC 9110; raw deflate is sent, too, and told apart by the first two bytes (RFC 1950 §2.2)."""

    def __init__(self) -> None:
        self._start = b""
        self._inner: _Zlib | None = None

    @property
    def eof(self) -> bool:
        return self._inner is not None and self._inner.eof

    @property
    def needs_input(self) -> bool:
        return self._inner is None or self._inner.needs_input

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data if self._inner else b""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        if self._inner is None:
            self._start += data
            if len(self._start) < 2:
                return b""
            data = self._start
            wrapped = data[0] & 0x0F == 8 and data[0] >> 4 <= 7 and int.from_bytes(data[:2]) % 31 == 0
            self._inner = _Zlib(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)
        return self._inner.decompress(data, max_length)


class _Brotli:
    """The library refuses data behind the end itself."""

    unused_data = b""

    def __init__(self) -> None:
        self._inner = brotli.Decompressor()
        self.eof = False
        self.needs_input = True

    def decompress(self, data: bytes, max_length: int) -> bytes:
        plain: bytes = self._inner.process(data, output_buffer_limit=max_length)
        self.eof = self._inner.is_finished()
        # A full answer may leave output behind that needs no more input.
        self.needs_input = not self.eof and len(plain) < max_length and self._inner.can_accept_more_data()
        return plain


def _gzip() -> Codec:
    return _Zlib(zlib.MAX_WBITS | 16)


def _zstd() -> Codec:
    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG})


# Name -> a new decoder, and whether several bodies may follow each other (RFC 1952 §2.2, RFC 8878 §3).
_CODECS: dict[str, tuple[Callable[[], Codec], bool]] = {
    "gzip": (_gzip, True),
    "x-gzip": (_gzip, True),
    "deflate": (_Deflate, False),
    "br": (_Brotli, False),
    "zstd": (_zstd, True),
}
ACCEPTED = ("gzip", "deflate", "br", "zstd")


class _Layer:
    """One coding of a body."""

    __slots__ = ("_codec", "_limit", "_make", "_many", "_members", "_name", "_size")

    def __init__(self, name: str, limit: int) -> None:
        self._name = name
        self._limit = limit
        self._make, self._many = _CODECS[name]
        self._codec = self._make()
        self._members = 1
        self._size = 0

    def run(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            data = chunk
            while data:
                if self._codec.eof:
                    self._next_member()
                yield from self._drained(data)
                data = self._codec.unused_data if self._codec.eof else b""

    def _drained(self, data: bytes) -> Iterator[bytes]:
        while True:
            try:
                plain = self._codec.decompress(data, _PIECE)
            except _FAULTS:
                raise BodyError(f"The body is not valid {self._name}, its Content-Encoding; compress it again.") from None
            data = b""
            self._count(len(plain))
            if plain:
                yield plain
            if self._codec.eof or self._codec.needs_input:
                return

    def _count(self, more: int) -> None:
        self._size += more
        if self._size > self._limit:
            raise BodyError(
                f"The decoded request body is larger than {self._limit:,} bytes, the limit here; send less.", status=413
            )

    def _next_member(self) -> None:
        if not self._many:
            raise BodyError(f"The body goes on behind the end of its {self._name} data; send only that.")
        self._members += 1
        if self._members > MAX_MEMBERS:
            raise BodyError(f"The body has more than {MAX_MEMBERS} {self._name} members; compress it as one.")
        self._codec = self._make()

    def end(self) -> None:
        if not self._codec.eof:
            raise BodyError(f"The body ends within its {self._name} data, its Content-Encoding; send the whole body.")


class Decoder:
    """Decodes a body as it arrives. After an error it is of no further use."""

    __slots__ = ("_layers",)

    def __init__(self, layers: Sequence[_Layer]) -> None:
        self._layers = layers

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """`feed` bit by bit, for at most some 200 KB of memory. Raises BodyError 413 above the limit, 400 for broken data."""
        plain: Iterator[bytes] = (data[at : at + _SLICE] for at in range(0, len(data), _SLICE))
        for layer in self._layers:
            plain = layer.run(plain)
        return plain

    def feed(self, data: bytes) -> bytes:
        return b"".join(self.pieces(data))

    def end(self) -> bytes:
        """What is still to come, which is nothing. Raises BodyError 400 where the body is cut."""
        for layer in self._layers:
            layer.end()
        return b""


def codings_of(values: Iterable[bytes]) -> list[bytes]:
    """The codings that Content-Encoding fields name, in the order they were put on, without `identity`."""
    items = (item.strip().lower() for value in values for item in value.split(b","))
    return [item for item in items if item not in (b"", b"identity")]


def decoder_of(codings: Sequence[bytes], *, limit: int) -> Decoder:
    """`codings` in the order they were put on; `limit` is in decoded bytes. Raises BodyError 415 for what can't be decoded."""
    names = [coding.decode("latin-1") for coding in codings_of(codings)]
    for name in names:
        if name not in _CODECS:
            shown = "".join(letter if letter.isprintable() else "?" for letter in name[:80])
            raise BodyError(
                f"The Content-Encoding is '{shown}'; send the body as {', '.join(ACCEPTED)} or without Content-Encoding.",
                status=415,
            )
    if len(names) > MAX_LAYERS:
        raise BodyError(f"The body is compressed {len(names)} times over; send it with at most {MAX_LAYERS} codings.", status=415)
    return Decoder([_Layer(name, limit) for name in reversed(names)])
