"""What goes upstream: lengths, keys of parts, large bodies a piece at a time."""

import httpx
import pytest

from evenhand.dialects.splice import Pieces
from evenhand.proxy.errand import Errand
from evenhand.proxy.outgoing import SMALL_BYTES, Outgoing
from evenhand.proxy.target import Upstream

UPSTREAM = Upstream(id="u", path="/", origin="http://up.example", timeout_s=7, connect_timeout_s=2, dialects=())
PAIRS = [(b"idempotency-key", b"k"), (b"content-encoding", b"gzip"), (b"content-length", b"1")]


def outgoing(**more: bool) -> Outgoing:
    return Outgoing(method="POST", target=b"/v1/x?a=b", pairs=PAIRS, request_id="r-1", upstream=UPSTREAM, **more)


@pytest.mark.parametrize(("part", "key"), [("", "k"), ("-2", "k-2"), ("-2-original", "k-2-original")])
def test_parts_have_keys_of_their_own(part: str, key: str) -> None:
    request = outgoing().request(Pieces(b"abc"), Errand(bodies=()), part=part)
    assert (request.headers["idempotency-key"], request.headers["content-length"]) == (key, "3")
    assert request.extensions == {"target": b"/v1/x?a=b", "timeout": {"total": 7, "connect": 2}}


def test_a_decoded_body_is_not_called_encoded() -> None:
    assert outgoing().request(Pieces(b"a"), Errand(bodies=())).headers["content-encoding"] == "gzip"
    assert "content-encoding" not in outgoing(decoded=True).request(Pieces(b"a"), Errand(bodies=())).headers


@pytest.mark.parametrize("size", [0, 5, SMALL_BYTES + 1])
async def test_the_body_is_whole(size: int) -> None:
    request = outgoing().request(Pieces(b"x" * size, [(0, 0, b"y")]), Errand(bodies=()))
    assert isinstance(request.stream, httpx.AsyncByteStream)
    assert b"".join([piece async for piece in request.stream]) == b"y" + b"x" * size
