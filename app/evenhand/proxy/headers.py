"""Header fields by RFC 9110: what goes on, what stays here. Lists of raw pairs come in and go out, order and duplicates kept."""

from collections.abc import Iterable

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


def named_by_connection(pairs: Iterable[tuple[bytes, bytes]]) -> frozenset[bytes]:
    """The fields that `Connection` declares to be for this hop only."""
    values = [value for name, value in pairs if name.lower() == b"connection"]
    return frozenset(item.strip().lower() for value in values for item in value.split(b",")) - {b""}


def end_to_end(pairs: Pairs) -> Pairs:
    """Without the fields of this hop."""
    drop = HOP_BY_HOP | named_by_connection(pairs)
    return [(name, value) for name, value in pairs if name.lower() not in drop]


def upstream_headers(
    pairs: Pairs, *, host: bytes, length: int, request_id: str, plain: bool, changed: bool, decoded: bool = False
) -> Pairs:
    """A request's fields for the upstream. `plain` asks for an answer we can read; `changed` drops digests of the body.

    `decoded` tells that the body's Content-Encoding was taken off.
    """
    drop = (
        _REQUEST_OWN
        | {b"x-request-id"}
        | (frozenset({b"accept-encoding"}) if plain else frozenset())
        | (frozenset({b"content-encoding"}) if decoded else frozenset())
        | (_DIGESTS if changed or decoded else frozenset())
    )
    kept = [
        (name, value) for name, value in end_to_end(pairs) if name not in drop and name != _SWITCH and not name.startswith(_OURS)
    ]
    kept = [(b"host", host), *kept, (b"x-request-id", request_id.encode())]
    if plain:
        kept.append((b"accept-encoding", b"identity"))
    if length or any(name == b"content-length" or name == b"transfer-encoding" for name, _ in pairs):
        kept.append((b"content-length", str(length).encode()))
    return kept


def client_headers(pairs: Pairs, *, ours: Pairs, body: bytes | None) -> Pairs:
    """An answer's fields for the client; `body` is given where we wrote it anew."""
    drop = frozenset({b"x-request-id"}) if any(name == b"x-request-id" for name, _ in ours) else frozenset()
    if body is not None:
        drop |= _DIGESTS | {b"content-length", b"content-encoding"}
    kept = [
        (name, value.translate(_PLAIN))
        for name, value in end_to_end(pairs)
        if name.lower() not in drop and not name.lower().startswith(_OURS)
    ]
    if body is not None:
        kept.append((b"content-length", str(len(body)).encode()))
    return kept + ours


def first(pairs: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    return next((value for key, value in pairs if key.lower() == name), None)


def every(pairs: Iterable[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [value for key, value in pairs if key.lower() == name]


def fault_of(pairs: Pairs, *, limit: int) -> tuple[int, str] | None:
    """Status and sentence where the fields of a request are too large or leave open which host or body is meant."""
    if sum(len(name) + len(value) + 4 for name, value in pairs) > limit or len(pairs) > 100:
        return 431, f"The request headers are larger than {limit} bytes or more than 100; send fewer or shorter ones."
    if len(every(pairs, b"host")) != 1:
        return 400, "The request must have exactly one Host header."
    if [coding.strip().lower() for coding in every(pairs, b"transfer-encoding")] not in ([], [b"chunked"]):
        return 400, "The request's Transfer-Encoding is not 'chunked'; send that or a Content-Length."
    if every(pairs, b"content-length") and every(pairs, b"transfer-encoding"):
        return 400, "The request has both Content-Length and Transfer-Encoding; send one of them."
    if len(every(pairs, b"content-length")) > 1 or len(every(pairs, b"content-type")) > 1:
        return 400, "The request has two Content-Length or two Content-Type headers; send one of each."
    return None
