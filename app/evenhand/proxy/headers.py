"""Header fields by RFC 9110: what goes on, what stays here. Lists of raw pairs come in and go out, order and duplicates kept."""

from collections.abc import Iterable
from functools import cache
from itertools import chain

Pairs = list[tuple[bytes, bytes]]

# RFC 9110 §7.6.1, with the fields older software still sends.
HOP_BY_HOP = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"proxy-authenticate", b"proxy-authorization", b"te", b"trailer"}
    | {b"transfer-encoding", b"upgrade", b"http2-settings"}
)
_OURS = b"x-evenhand-"
_SWITCH = b"x-evenhand"
# Written anew for every message we send.
_REQUEST_OWN = frozenset({b"host", b"content-length", b"expect"})
# Control characters in a value are made spaces; an answer is not lost for them (RFC 9110 §5.5).
_PLAIN = bytes(32 if (code < 32 and code != 9) or code == 127 else code for code in range(256))
# They describe bytes that we change. RFC 9530, RFC 9110 §8.8.3.
_DIGESTS = frozenset({b"content-md5", b"digest", b"content-digest", b"repr-digest", b"etag", b"accept-ranges"})
_ID = frozenset({b"x-request-id"})


def named_by_connection(pairs: Iterable[tuple[bytes, bytes]]) -> frozenset[bytes]:
    """The fields that `Connection` declares to be for this hop only."""
    values = every(pairs, b"connection")
    return frozenset(item.strip().lower() for value in values for item in value.split(b",")) - {b""} if values else frozenset()


def upstream_headers(
    pairs: Pairs, *, host: bytes, length: int, request_id: str, plain: bool, changed: bool, decoded: bool = False
) -> Pairs:
    """A request's fields for the upstream. `plain` asks for an answer we can read; `changed` drops digests of the body.

    `decoded` tells that the body's Content-Encoding was taken off.
    """
    drop = _kept_here(plain, changed or decoded, decoded)
    if named := named_by_connection(pairs):
        drop |= named
    kept = [pair for pair in pairs if (name := pair[0].lower()) not in drop and not name.startswith(_OURS)]
    kept = [(b"host", host), *kept, (b"x-request-id", request_id.encode())]
    if plain:
        kept.append((b"accept-encoding", b"identity"))
    if length or any(name == b"content-length" or name == b"transfer-encoding" for name, _ in pairs):
        kept.append((b"content-length", str(length).encode()))
    return kept


@cache
def _kept_here(plain: bool, changed: bool, decoded: bool) -> frozenset[bytes]:
    drop = HOP_BY_HOP | _REQUEST_OWN | _ID | {_SWITCH}
    drop |= {b"accept-encoding"} if plain else set()
    drop |= {b"content-encoding"} if decoded else set()
    return drop | _DIGESTS if changed else drop


def client_headers(pairs: Pairs, *, ours: Pairs, body: bytes | None) -> Pairs:
    """An answer's fields for the client; `body` is given where we wrote it anew."""
    drop = _kept_back(body is not None, first(ours, b"x-request-id") is not None)
    if named := named_by_connection(pairs):
        drop |= named
    kept = [
        (name, value.translate(_PLAIN))
        for name, value in pairs
        if (low := name.lower()) not in drop and not low.startswith(_OURS)
    ]
    if body is not None:
        kept.append((b"content-length", str(len(body)).encode()))
    return kept + ours


@cache
def _kept_back(rewritten: bool, named: bool) -> frozenset[bytes]:
    drop = HOP_BY_HOP | _DIGESTS | {b"content-length", b"content-encoding"} if rewritten else HOP_BY_HOP
    return drop | _ID if named else drop


def first(pairs: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    for key, value in pairs:
        if key.lower() == name:
            return value
    return None


def every(pairs: Iterable[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [value for key, value in pairs if key.lower() == name]


def fault_of(pairs: Pairs, *, limit: int) -> tuple[int, str] | None:
    """Status and sentence where the fields of a request are too large or leave open which host or body is meant."""
    if len(pairs) > 100 or sum(map(len, chain.from_iterable(pairs))) + 4 * len(pairs) > limit:
        return 431, f"The request headers are larger than {limit} bytes or more than 100; send fewer or shorter ones."
    sent = [name.lower() for name, _ in pairs].count
    if sent(b"host") != 1:
        return 400, "The request must have exactly one Host header."
    codings = every(pairs, b"transfer-encoding") if sent(b"transfer-encoding") else []
    if codings and [coding.strip().lower() for coding in codings] != [b"chunked"]:
        return 400, "The request's Transfer-Encoding is not 'chunked'; send that or a Content-Length."
    if codings and sent(b"content-length"):
        return 400, "The request has both Content-Length and Transfer-Encoding; send one of them."
    if sent(b"content-length") > 1 or sent(b"content-type") > 1:
        return 400, "The request has two Content-Length or two Content-Type headers; send one of each."
    return None
