import pytest

from evenhand.proxy.headers import Pairs, client_headers, fault_of, first, upstream_headers

HOP = [
    "Connection",
    "Keep-Alive",
    "Proxy-Connection",
    "Proxy-Authorization",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "HTTP2-Settings",
]


def sent(pairs: Pairs, *, body: bytes = b"{}", plain: bool = False, changed: bool = False) -> Pairs:
    return upstream_headers(pairs, host=b"up.example", length=len(body), request_id="r-1", plain=plain, changed=changed)


@pytest.mark.parametrize(
    "name", [*HOP, "Host", "Expect", "X-Evenhand", "X-Evenhand-Seed", "X-Evenhand-Tenant", "X-Evenhand-Anything"]
)
def test_what_never_goes_upstream(name: str) -> None:
    got = sent([(name.lower().encode(), b"canary"), (b"content-length", b"2")])
    assert all(value != b"canary" for _, value in got)


@pytest.mark.parametrize("name", [*HOP, "X-Evenhand-Decision", "X-Evenhand"])
def test_what_never_goes_back(name: str) -> None:
    got = client_headers([(name.encode(), b"canary")], ours=[], body=None)
    assert all(value != b"canary" for _, value in got if name != "X-Evenhand")


@pytest.mark.parametrize("value", [b"close, X-Custom", b"x-custom", b"keep-alive,  X-CUSTOM ,te"])
def test_fields_named_by_connection_stay_here(value: bytes) -> None:
    pairs = [(b"connection", value), (b"x-custom", b"1"), (b"x-other", b"2")]
    assert [name for name, _ in client_headers(pairs, ours=[], body=None)] == [b"x-other"]
    assert first(sent(pairs), b"x-custom") is None
    assert first(sent(pairs), b"x-other") == b"2"


def test_order_duplicates_and_credentials_are_kept() -> None:
    pairs = [(b"authorization", b"Bearer k"), (b"x-a", b"1"), (b"x-b", b"2"), (b"x-a", b"3"), (b"content-length", b"99")]
    assert sent(pairs) == [
        (b"host", b"up.example"),
        *pairs[:4],
        (b"x-request-id", b"r-1"),
        (b"content-length", b"2"),
    ]


def test_set_cookie_order_is_kept() -> None:
    pairs = [(b"Set-Cookie", b"a=1"), (b"X", b"y"), (b"Set-Cookie", b"b=2"), (b"set-cookie", b"c=3")]
    assert client_headers(pairs, ours=[(b"x-ours", b"z")], body=None) == [*pairs, (b"x-ours", b"z")]


def test_control_characters_of_an_answer_become_spaces() -> None:
    assert client_headers([(b"X", b"a\x01b\tc\x7f\xc3\xa9")], ours=[], body=None) == [(b"X", b"a b\tc \xc3\xa9")]


def test_a_get_gets_no_content_length() -> None:
    assert first(sent([(b"accept", b"*/*")], body=b""), b"content-length") is None


def test_a_readable_answer_is_asked_for_only_where_it_is_read() -> None:
    pairs = [(b"accept-encoding", b"gzip, br")]
    assert first(sent(pairs), b"accept-encoding") == b"gzip, br"
    assert [value for name, value in sent(pairs, plain=True) if name == b"accept-encoding"] == [b"identity"]


def test_digests_of_a_changed_body_are_dropped() -> None:
    pairs = [(b"content-md5", b"x"), (b"digest", b"y"), (b"x-a", b"1")]
    assert first(sent(pairs), b"content-md5") == b"x"
    assert first(sent(pairs, changed=True), b"content-md5") is None
    back = client_headers([(b"ETag", b"e"), (b"Content-Encoding", b"gzip"), (b"Content-Length", b"9")], ours=[], body=b"new")
    assert back == [(b"content-length", b"3")]


@pytest.mark.parametrize(
    ("pairs", "status"),
    [
        ([(b"host", b"a")], None),
        ([], 400),
        ([(b"host", b"a"), (b"host", b"b")], 400),
        ([(b"host", b"a"), (b"content-length", b"1"), (b"transfer-encoding", b"chunked")], 400),
        ([(b"host", b"a"), (b"content-length", b"1"), (b"content-length", b"1")], 400),
        ([(b"host", b"a"), (b"content-type", b"application/json"), (b"content-type", b"text/plain")], 400),
        ([(b"host", b"a"), (b"transfer-encoding", b"Chunked")], None),
        ([(b"host", b"a"), (b"transfer-encoding", b"gzip, chunked")], 400),
        ([(b"host", b"a"), (b"transfer-encoding", b"chunked"), (b"transfer-encoding", b"chunked")], 400),
        ([(b"host", b"a"), (b"x", b"y" * 40_000)], 431),
        ([(b"host", b"a"), *[(b"x", b"y")] * 100], 431),
    ],
)
def test_faults_of_a_header_block(pairs: Pairs, status: int | None) -> None:
    fault = fault_of(pairs, limit=32_768)
    assert (fault and fault[0]) == status
