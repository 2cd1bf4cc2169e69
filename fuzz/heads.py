"""Request lines and headers: refused in a sentence, or what goes on is ours alone to name: host, length, no hop's own fields.

One line is the target, the next the media type asked for; every further line is a header.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from urllib.parse import unquote_to_bytes, urlsplit

from evenhand.dialects.load import load_dialects
from evenhand.errors import BodyError
from evenhand.proxy.coding import codings_of, decoder_of
from evenhand.proxy.headers import HOP_BY_HOP, Pairs, client_headers, every, fault_of, named_by_connection, upstream_headers
from evenhand.proxy.incoming import check_content
from evenhand.proxy.refusal import Refusal, problem
from evenhand.proxy.target import Upstream, check_path, disguised, find, passes, pick, upstreams_of
from evenhand.proxy.wishes import SEED_BITS, seed_of, wishes_of
from evenhand.rules.schema import PolicyFile
from evenhand.settings import Settings, load_settings

LIMIT = 32_768
WRITTEN_ANEW = {b"host", b"content-length", b"x-request-id", b"accept-encoding"}
HEADERS = (
    b"host: a\ncontent-type: application/json; charset=utf-8\ncontent-length: 7\nx-evenhand: off\nx-evenhand-seed: 7",
    b"host: a\nhost: b\ncontent-length: 1\ntransfer-encoding: chunked\nconnection: close, x-secret\nx-secret: 1\nte: gzip",
    b"host: a\nx-evenhand-tenant: acme\nauthorization: Bearer x\nidempotency-key: k\ncontent-encoding: gzip, br\nexpect: 100",
)
PATHS = (
    b"/v1/images/generations?a=b",
    b"//evil.example/v1",
    b"http://evil.example/v1/images/generations",
    b"/v1/%2e%2e/images/%47enerations/",
    b"/v1/images/..;/generations",
    b"/@evil.example:80/\\..\\x",
    b"/V1/Images/Generations",
    b"/v1beta/models/x%2Fy:generateContent",
)
WORDS = (
    b"/v1/images/generations", b"%2e", b"%2F", b"..", b"//", b"@", b"\\", b"http://", b"?", b"host: a", b"content-length: 1",
    b"transfer-encoding: chunked", b"connection: x-request-id, host", b"x-evenhand: off", b"x-evenhand-seed: 1",
    b"x-evenhand-tenant: a", b"idempotency-key: k", b"content-encoding: gzip", b"content-type: application/json; charset=utf-8",
    b"etag: x", b"te: trailers", b"authorization: Bearer ", b"x-request-id: ",
)  # fmt: skip


def seeds() -> Iterator[bytes]:
    yield from (path + b"\napplication/json\n" + headers for path in PATHS for headers in HEADERS)


@cache
def house() -> tuple[Settings, PolicyFile, tuple[Upstream, ...]]:
    settings = load_settings(upstream="http://origin.example:81", tenant_header=True, secret="k")
    policy = PolicyFile.model_validate({"axes": {"gender": {"man": 100}}, "sampling": {"by": "prompt"}})
    return settings, policy, upstreams_of([], settings, load_dialects())


def run(data: bytes) -> None:
    target, _, rest = data.partition(b"\n")
    media, _, lines = rest.partition(b"\n")
    pairs = [(name.strip().lower(), value.strip()) for name, _, value in (line.partition(b":") for line in lines.split(b"\n"))]
    check_target(target)
    told = fault_of(pairs, limit=LIMIT)
    assert told is None or (told[0] in (400, 431) and told[1].endswith("."))
    check_wishes(pairs)
    refused(lambda: check_content([*pairs, (b"content-type", media)], ["application/json"]))
    refused(lambda: decoder_of(codings_of(every(pairs, b"content-encoding")), limit=10))
    check_onward(pairs)
    check_back(pairs)


def refused(work: Callable[[], object]) -> bool:
    """Whether it was refused, in words that can be told as JSON."""
    try:
        work()
    except (Refusal, BodyError) as error:
        problem(error.status, str(error))
        str(error).encode("utf-8")
        return True
    return False


def check_target(target: bytes) -> None:
    _, _, upstreams = house()
    path = target.partition(b"?")[0]
    if refused(lambda: check_path(path, target)):
        return
    parts = urlsplit(f"http://origin.example:81{path.decode('ascii')}")
    assert (parts.hostname, parts.port, parts.path) == ("origin.example", 81, path.decode("ascii"))
    assert b".." not in unquote_to_bytes(path).split(b"/")
    with suppress(Refusal):
        upstream = pick(upstreams, path)
        operation = find(upstream.operations, "POST", path)
        disguised(upstream.operations, path)
        passes(upstream, "GET", path)
        assert operation is None or isinstance(operation.names_in(path), dict)


def check_wishes(pairs: Pairs) -> None:
    settings, policy, _ = house()
    with suppress(Refusal):
        wishes = wishes_of(pairs, settings, policy)
        seed = seed_of("a doctor", wishes, policy, settings)
        assert seed == wishes.seed or (wishes.seed is None and 0 <= seed < 2**SEED_BITS)
        assert seed == seed_of("a doctor", wishes, policy, settings)


def check_onward(pairs: Pairs) -> None:
    for plain in (False, True):
        sent = upstream_headers(pairs, host=b"origin", length=9, request_id="r", plain=plain, changed=True, decoded=plain)
        names = [name for name, _ in sent]
        assert [value for name, value in sent if name == b"host"] == [b"origin"]
        assert [value for name, value in sent if name == b"content-length"] == [b"9"]
        dropped = HOP_BY_HOP | (named_by_connection(pairs) - WRITTEN_ANEW)
        assert not dropped & set(names)
        assert not [name for name in names if name == b"x-evenhand" or name.startswith(b"x-evenhand-")]


def check_back(pairs: Pairs) -> None:
    ours: Pairs = [(b"x-evenhand-decision", b"rewritten"), (b"x-request-id", b"r")]
    sent = client_headers(pairs, ours=ours, body=b"{}")
    assert [value for name, value in sent if name == b"content-length"] == [b"2"]
    assert [pair for pair in sent if pair[0].startswith(b"x-evenhand-")] == ours[:1]
    assert every(sent, b"x-request-id") == [b"r"]
    assert not HOP_BY_HOP & {name for name, _ in sent}
