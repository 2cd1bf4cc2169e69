import gzip
import random
import sys
import tracemalloc
import zlib
from collections.abc import Callable, Sequence

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.errors import BodyError
from evenhand.proxy.coding import MAX_MEMBERS, codings_of, decoder_of

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

BODY = b'{"prompt": "a nurse"}' * 50
NOISE = random.Random(1).randbytes(300_000)
MB = 1_000_000


def raw(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


ENCODE: dict[bytes, Callable[[bytes], bytes]] = {
    b"gzip": gzip.compress,
    b"x-gzip": gzip.compress,
    b"deflate": zlib.compress,
    b"br": brotli.compress,
    b"zstd": zstd.compress,
    b"identity": bytes,
}
ONE = [b"gzip", b"deflate", b"br", b"zstd"]


def decoded(codings: Sequence[bytes], data: bytes, *, limit: int = 10 * MB, step: int = 65_536) -> bytes:
    decoder = decoder_of(codings, limit=limit)
    parts = [decoder.feed(data[at : at + step]) for at in range(0, len(data), step)]
    return b"".join([*parts, decoder.end()])


def status_of(codings: Sequence[bytes], data: bytes, *, limit: int = 10 * MB, step: int = 65_536) -> int:
    with pytest.raises(BodyError) as caught:
        decoded(codings, data, limit=limit, step=step)
    assert str(caught.value).endswith(".")
    return caught.value.status


@pytest.mark.parametrize("step", [1, 7, 65_536])
@pytest.mark.parametrize("coding", ENCODE)
def test_one_coding_in_steps(coding: bytes, step: int) -> None:
    assert decoded([coding], ENCODE[coding](BODY), step=step) == BODY


@pytest.mark.parametrize("outer", ONE)
@pytest.mark.parametrize("inner", ONE)
def test_two_codings(inner: bytes, outer: bytes) -> None:
    assert decoded([inner, outer], ENCODE[outer](ENCODE[inner](NOISE)), step=1000) == NOISE


@pytest.mark.parametrize(
    ("codings", "data"),
    [
        ([b"deflate"], raw(BODY)),
        ([b"deflate"], raw(NOISE)),
        ([b"deflate"], zlib.compress(BODY, wbits=9)),
        ([b"DEFLATE"], zlib.compress(BODY, 0)),
        ([b" Gzip "], gzip.compress(BODY)),
        ([b"gzip, br"], brotli.compress(gzip.compress(BODY))),
        ([b"identity", b"gzip", b"identity", b"br"], brotli.compress(gzip.compress(BODY))),
        ([], BODY),
        ([b""], BODY),
        ([b"gzip"], gzip.compress(BODY[:500]) + gzip.compress(b"") + gzip.compress(BODY[500:])),
        ([b"zstd"], zstd.compress(BODY[:500]) + zstd.compress(BODY[500:])),
        ([b"zstd"], b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc" + zstd.compress(BODY)),
        ([b"gzip"], gzip.compress(b"")),
        ([b"br"], brotli.compress(NOISE, quality=1, lgwin=24)),
        ([b"zstd"], zstd.compress(NOISE, 19)),
        ([b"gzip"], gzip.compress(NOISE * 20)),
    ],
)
def test_forms_of_codings(codings: list[bytes], data: bytes) -> None:
    for step in (13, len(data) or 1):
        assert decoded(codings, data, step=step) in (BODY, NOISE, NOISE * 20, b"")


@pytest.mark.parametrize("codings", [[b"compress"], [b"gzip", b"snappy"], [b"gzip;q=1"], [b"*"], [b"gz\x00ip\xff"], [b"dcb"]])
def test_415_for_other_codings(codings: list[bytes]) -> None:
    with pytest.raises(BodyError, match="gzip, deflate, br, zstd or without Content-Encoding") as caught:
        decoder_of(codings, limit=10)
    assert caught.value.status == 415
    assert str(caught.value).isprintable()


def test_415_for_three_codings() -> None:
    with pytest.raises(BodyError, match="3 times") as caught:
        decoder_of([b"gzip, br", b"gzip"], limit=10)
    assert caught.value.status == 415


@pytest.mark.parametrize("step", [1, 65_536])
@pytest.mark.parametrize("coding", ONE)
def test_400_for_damage(coding: bytes, step: int) -> None:
    data = ENCODE[coding](NOISE[:2000])
    assert status_of([coding], data[:-1], step=step) == 400
    assert status_of([coding], data[: len(data) // 2], step=step) == 400
    assert status_of([coding], data[:1], step=step) == 400
    assert status_of([coding], data + b"more", step=step) == 400
    assert status_of([coding], b"", step=step) == 400
    assert status_of([coding], b"\xff\xff\xff garbage", step=step) == 400


@pytest.mark.parametrize(
    ("codings", "data"),
    [
        ([b"gzip"], gzip.compress(BODY) + b"\0" * 20),
        ([b"gzip"], gzip.compress(BODY)[:-8] + b"\0" * 8),
        ([b"gzip"], zlib.compress(BODY)),
        ([b"deflate"], gzip.compress(BODY)),
        ([b"deflate"], zlib.compress(BODY) * 2),
        ([b"deflate"], zlib.compress(BODY)[:-4] + b"abcd"),
        ([b"br"], brotli.compress(BODY) * 2),
        ([b"zstd"], zstd.compress(BODY, options={zstd.CompressionParameter.checksum_flag: 1})[:-4] + b"abcd"),
        ([b"gzip", b"br"], brotli.compress(gzip.compress(BODY)[:-3])),
        ([b"gzip", b"br"], brotli.compress(gzip.compress(BODY))[:-3]),
        ([b"gzip", b"br"], gzip.compress(brotli.compress(BODY))),
        ([b"gzip"], gzip.compress(b"") * (MAX_MEMBERS + 1)),
    ],
)
def test_400_for_what_is_no_such_body(codings: list[bytes], data: bytes) -> None:
    assert status_of(codings, data) == 400


def test_400_for_a_huge_window() -> None:
    """RFC 9659 holds a window to 8 MiB."""
    packer = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 24})
    data = packer.compress(b"a") + packer.compress(NOISE) + packer.flush()
    assert status_of([b"zstd"], data) == 400


@pytest.mark.parametrize("coding", ONE)
def test_the_limit_is_exact(coding: bytes) -> None:
    data = ENCODE[coding](NOISE)
    assert decoded([coding], data, limit=len(NOISE)) == NOISE
    assert status_of([coding], data, limit=len(NOISE) - 1) == 413


def peak_of(codings: list[bytes], data: bytes, limit: int) -> int:
    tracemalloc.start()
    try:
        assert status_of(codings, data, limit=limit, step=len(data)) == 413
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("coding", ONE)
def test_a_bomb_costs_no_more_than_the_limit(coding: bytes) -> None:
    bomb = ENCODE[coding](bytes(64 * MB))
    assert len(bomb) < 70_000
    assert peak_of([coding], bomb, 4 * MB) < 5 * MB


@pytest.mark.parametrize("outer", ONE)
def test_a_bomb_in_a_bomb(outer: bytes) -> None:
    inner = gzip.compress(bytes(64 * MB))
    assert peak_of([b"gzip", outer], ENCODE[outer](inner * 16), 4 * MB) < 5 * MB


def test_a_bomb_that_says_nothing() -> None:
    """Between the layers 20 MB of empty blocks, which decode to no byte."""
    packer = zlib.compressobj(wbits=-15)
    empty = b"".join(packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2)) + b"\x00\x00\x00\xff\xff" * (4 * MB)
    assert peak_of([b"deflate", b"gzip"], gzip.compress(empty), 4 * MB) < 5 * MB


@pytest.mark.parametrize("coding", ONE)
def test_pieces_are_small(coding: bytes) -> None:
    decoder = decoder_of([coding], limit=64 * MB)
    data = ENCODE[coding](bytes(32 * MB))
    tracemalloc.start()
    sizes = [len(piece) for piece in decoder.pieces(data)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (sum(sizes), decoder.end()) == (32 * MB, b"")
    assert max(sizes) < 300_000
    assert peak < MB


@given(st.binary(max_size=2000), st.sampled_from(ONE), st.integers(1, 500))
def test_any_body_comes_back(data: bytes, coding: bytes, step: int) -> None:
    assert decoded([coding], ENCODE[coding](data), step=step) == data


@given(st.binary(max_size=200), st.sampled_from(ONE))
def test_any_garbage_is_a_body_error(data: bytes, coding: bytes) -> None:
    try:
        decoded([coding], data, limit=1000)
    except BodyError as fault:
        assert fault.status in (400, 413)  # noqa: PT017 - either is fine, another exception is not


def test_the_codings_of_headers() -> None:
    assert codings_of([b"gzip , identity", b"", b",BR,"]) == [b"gzip", b"br"]
