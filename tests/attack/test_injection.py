"""Strings that break readers, as prompts and elsewhere in a request: one parseable log line each, and nothing leaks."""

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

PATH = b"/v1/images/generations"
HEAD = b"POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n" % PATH
# Stands in every string, so that it can be told wherever it turns up.
CANARY = "kq7canary"

FORMATS = [
    "%s%n%x",
    "%(prompt)s",
    "{0.__class__}",
    "{prompt!r:>99999}",
    "${jndi:ldap://x/a}",
    "$(id)",
    "`id`",
    "#{7*7}",
    "{{7*7}}",
    "<%= 1 %>",
]
LOGS = [
    '{"event":"request","status":200}',
    '\n{"event":"request","status":200}\n',
    '"}\n{"event":"forged',
    "\r\n2026-01-01 INFO forged",
    "\x1b]0;title\x07",
    "\x1b[2J\x1b[H",
    "\x1b[31mred\x1b[0m",
    "\x1bP+q\x1b\\",
    "\x9b31m",
    "a\x08\x08\x08b",
    "\x00\x00",
    "line\x85line",
    "line\u2028line\u2029line",
]
HEADERS = [
    "\r\nX-Forged: 1",
    "\nSet-Cookie: a=b",
    "\r\n\r\n<html>",
    "%0d%0aX-Forged: 1",
    "\u560a\u560dX-Forged: 1",
    "\u010d\u010aX: 1",
    "a: b; c=d",
]
MARKUP = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "'\"><svg/onload=x>",
    "javascript:x",
    "]]>",
    "<!--",
    "&#x3c;b&#x3e;",
    "<?xml?>",
]
QUERIES = [
    "' OR 1=1 --",
    '"; DROP TABLE x; --',
    "*)(uid=*",
    "../../etc/passwd",
    "..\\..\\boot.ini",
    "file:///etc/passwd",
    "|| ls",
    "; reboot",
    "\\",
    '\\"',
    "'",
]
NUMBERS = [
    "NaN",
    "Infinity",
    "-1",
    "1e400",
    "0x7f",
    "1/0",
    "９９",
    "½",
    "٣",
    "null",
    "undefined",
    "true",
    "None",
    "[]",
    "{}",
    "[object Object]",
]
EMOJI = [
    "👩🏾‍⚕️",
    "👨‍👩‍👧‍👦",
    "🏳️‍🌈",
    "🇩🇪🇺🇸",
    "👍🏿",
    "☺︎",
    "☺️",
    "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    "🧑🏻‍❤️‍💋‍🧑🏿",
    "1️⃣",
    "👩‍",
    "‍👩",
    "\U0001f3fd",
    "🫱🏻‍🫲🏿",
    "❤",
]
MARKS = [
    "Z\u0351\u0352\u0300" * 8,
    "e\u0301" * 30,
    "\u0301start",
    "a" + "\u0316" * 500,
    "\u0e33\u0e49",
    "ก็็็็็็",
    "Åå",
    "\u1100\u1161\u11a8",
    "क्षि",
    "ﷺ",
]
INVISIBLE = [
    chr(code)
    for code in (
        0xAD,
        0x34F,
        0x61C,
        0x115F,
        0x180E,
        *range(0x200B, 0x2010),
        *range(0x2028, 0x202F),
        *range(0x2060, 0x2070),
        0xFEFF,
        0xFFF9,
        0xFFFA,
        0xFFFB,
        0xFFFD,
        0xE0001,
        0xE007F,
    )
]
EDGES = [chr(code) for code in (0xD7FF, 0xE000, 0xF8FF, 0xFDD0, 0xFFFE, 0xFFFF, 0x10000, 0x1FFFE, 0x10FFFF)]
SCRIPTS = [
    "Ω≈ç√∫",
    "田中さん",
    "社會科學院",
    "찦차를",
    "مُنَاقَشَةُ",
    "הָיְתָה",
    "ЁЂЃЄ",
    "ﬁﬂ",
    "ß",
    "İı",
    "Ǆ",
    "ＴＨＥ",
    "𝕋𝕙𝕖",
    "ᵀʰᵉ",
    "ᴛʜᴇ",
    "Т҉",
    "\u202etest\u202d",
    "\u2066x\u2069",
    "ǝɥʇ",
]
WORDS = [
    "con",
    "nul",
    "aux",
    "constructor",
    "__proto__",
    "prototype",
    "hasOwnProperty",
    "toString",
    "self",
    "eval",
    "Null",
    "-",
    "--",
    "-rf",
    "@",
    "#",
    " ",
    "\t",
]


def strings() -> Iterator[str]:
    controls = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))]
    for group in (controls, FORMATS, LOGS, HEADERS, MARKUP, QUERIES, NUMBERS, EMOJI, MARKS, INVISIBLE, EDGES, SCRIPTS, WORDS):
        yield from group
    for control in controls:
        yield f"a{control}b{control}"
    yield from ("a" * 31_000, "🏾" * 5_000, "\u0301" * 9_000, "\n" * 9_000, '"' * 9_000, "\\" * 9_000)


NAUGHTY = [f"a doctor {CANARY} {each} {CANARY}" for each in strings()]
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def asked(prompt: str, *, escaped: bool) -> bytes:
    body = json.dumps({"prompt": prompt, "user": prompt, "model": prompt}, ensure_ascii=escaped).encode()
    return HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body


def requests_logged(lines: list[str]) -> list[dict[str, Any]]:
    """Every line must be one JSON object on one line, without a raw control character."""
    for line in lines:
        assert not CONTROL.search(line), repr(line)
    found = [json.loads(line) for line in lines]
    return [each for each in found if each["event"] == "request"]


@pytest.mark.parametrize("escaped", [True, False])
async def test_naughty_prompts_cost_one_line_each_and_leave_no_trace(
    attacked: Any, logged: list[str], until: Callable[..., None], escaped: bool
) -> None:
    assert len(NAUGHTY) >= 300
    attacked.upstream.take()
    before = len(logged)
    said = await attacked.send_all([asked(prompt, escaped=escaped) for prompt in NAUGHTY], quiet_s=30)
    # A line is written when its request has ended, which the client may know first.
    await asyncio.to_thread(until, lambda: len(logged) - before >= len(NAUGHTY))
    told = requests_logged(logged[before:])
    assert len(told) == len(NAUGHTY)
    assert CANARY not in "".join(logged[before:])
    for prompt, answer in zip(NAUGHTY, said, strict=True):
        head = answer.partition(b"\r\n\r\n")[0]
        assert answer[9:12] == b"200", (prompt[:80], answer[:300])
        assert CANARY.encode() not in head
        assert re.fullmatch(rb"[\t\r\n -~]+", head)
        assert b"forged" not in head.lower()
    arrived = attacked.upstream.take()
    assert len(arrived) == len(NAUGHTY)
    assert not [one for one in arrived if CANARY.encode() in one.partition(b"\r\n\r\n")[0]]
    users = sorted(json.loads(one.partition(b"\r\n\r\n")[2])["user"] for one in arrived)
    assert users == sorted(NAUGHTY)
    assert attacked.is_well()


PLACES = [
    "X-Request-Id: {}",
    "X-Evenhand: {}",
    "X-Evenhand-Seed: {}",
    "X-Evenhand-Tenant: {}",
    "Idempotency-Key: {}",
    "Authorization: Bearer {}",
    "Content-Type: {}",
    "Content-Encoding: {}",
    "User-Agent: {}",
    "Traceparent: {}",
    "Accept-Encoding: {}",
    "Connection: {}",
]
SHORT = [each for each in strings() if len(each) < 60 and not re.search("[\x00\r\n]", each)]


@pytest.mark.parametrize("place", PLACES)
async def test_naughty_fields_cost_one_line_each_at_most(attacked: Any, logged: list[str], place: str) -> None:
    attacked.upstream.take()
    before = len(logged)
    cases = []
    for each in SHORT[:: 1 if place.startswith("X-Request") else 6]:
        fields = place.format(f"{CANARY}{each}").encode()
        lines = [b"POST %s HTTP/1.1" % PATH, b"Host: x", b"Content-Length: 19", fields]
        lines += [] if place.startswith("Connection") else [b"Connection: close"]
        lines += [] if place.startswith("Content-Type") else [b"Content-Type: application/json"]
        cases.append(b"\r\n".join([*lines, b"", b'{"prompt":"a tree"}']))
    said = await attacked.send_all(cases)
    assert len(requests_logged(logged[before:])) <= len(cases)
    assert {answer[9:10] for answer in said if answer} <= {b"2", b"4"}
    # An identifier that is plainly one is echoed; nothing else is.
    lines = "".join(logged[before:])
    assert (CANARY in lines) <= place.startswith("X-Request-Id")
    for answer in said:
        assert not re.search(rb"[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\xff]", answer.partition(b"\r\n\r\n")[0])


async def test_naughty_targets_cost_one_line_each_at_most(attacked: Any, logged: list[str]) -> None:
    attacked.upstream.take()
    before = len(logged)
    paths = [httpx.URL("http://x", params={"q": each}).query.decode() for each in SHORT]
    cases = [f"GET /{CANARY}/{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" for path in paths]
    cases += [f"GET /v1/models?{CANARY}={each} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" for each in SHORT]
    said = await attacked.send_all([case.encode() for case in cases])
    requests_logged(logged[before:])
    assert CANARY not in "".join(logged[before:])
    assert {answer[9:10] for answer in said if answer} <= {b"2", b"4"}
    assert not [answer for answer in said if CANARY.encode() in answer.partition(b"\r\n\r\n")[0]]


ADDRESS = "203.0.113.9"
SPOOFS = [
    *[
        f"{name}: {ADDRESS}"
        for name in ("X-Forwarded-For", "X_Forwarded_For", "x-forwarded-FOR", "X-Real-IP", "X_Real_IP", "True-Client-IP")
    ],
    *[
        f"{name}: {ADDRESS}"
        for name in ("CF-Connecting-IP", "Fastly-Client-IP", "X-Client-IP", "X-Cluster-Client-IP", "Client-IP", "X-ProxyUser-Ip")
    ],
    *[
        f"{name}: evil.example"
        for name in (
            "X-Forwarded-Host",
            "X_Forwarded_Host",
            "X-Host",
            "X-Original-Host",
            "X-Forwarded-Server",
            "X-HTTP-Host-Override",
        )
    ],
    *[
        f"{name}: /v1/models"
        for name in (
            "X-Original-URL",
            "X-Rewrite-URL",
            "X-Forwarded-Uri",
            "X_Forwarded_Uri",
            "X-Forwarded-Path",
            "X-Forwarded-Prefix",
        )
    ],
    *[
        f"{name}: GET"
        for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Forwarded-Method", "X_Method_Override")
    ],
    *[
        f"{name}: https"
        for name in ("X-Forwarded-Proto", "X_Forwarded_Proto", "X-Forwarded-Scheme", "X-Forwarded-Ssl", "Front-End-Https")
    ],
    *[
        f"{name}: other"
        for name in (
            "X-Evenhand-Tenant",
            "X_Evenhand_Tenant",
            "X-Evenhand_Tenant",
            "X-Tenant",
            "X-Tenant-Id",
            "X-Org-Id",
            "OpenAI-Organization",
        )
    ],
    *[f"{name}: off" for name in ("X_Evenhand", "X-Evenhand_", "X-Evenhandx", "Evenhand")],
    *[f"{name}: 99" for name in ("X_Evenhand_Seed", "X-Evenhand_Seed", "Evenhand-Seed")],
    f"Forwarded: for={ADDRESS};host=evil.example;proto=https",
    f'Forwarded: for="[2001:db8::1]:80", for={ADDRESS}',
    f"Via: 1.1 {ADDRESS}",
    "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-For: ::1",
    "X-Forwarded-Port: 8081",
]


@pytest.fixture(scope="module")
def quiet(serve: Callable[..., Any], parser: str) -> Any:
    return serve(parser)


async def test_no_field_makes_another_client_of_somebody(quiet: Any, logged: list[str]) -> None:
    """Same seed, same draw, same line in the log, no tenant: nobody in front of us is believed unless the operator says so."""
    assert len(SPOOFS) >= 40
    body = b'{"prompt":"a doctor"}'
    head = HEAD + b"X-Evenhand-Seed: 7\r\nContent-Length: %d\r\n" % len(body)
    before = len(logged)
    quiet.upstream.take()
    said = await quiet.send_all([head + fields.encode() + b"\r\n\r\n" + body for fields in ("X: y", *SPOOFS)], quiet_s=30)
    arrived = quiet.upstream.take()
    assert len({one.partition(b"\r\n\r\n")[2] for one in arrived}) == 1
    assert {one.split(b" ", 2)[1] for one in arrived} == {PATH}
    assert {answer[9:12] for answer in said} == {b"200"}
    varying = ("request_id", "decision", "overhead_ms", "total_ms", "timestamp")
    lines = [{key: value for key, value in line.items() if key not in varying} for line in requests_logged(logged[before:])]
    assert [line for line in lines if line != lines[0]] == []
    assert ADDRESS not in "".join(logged[before:])
    async with httpx.AsyncClient(trust_env=False) as client:
        decisions = (await client.get(f"{quiet.running.admin}/decisions", params={"limit": 200})).json()["decisions"]
    assert {(each.get("tenant") or "", each["route"]) for each in decisions} == {("", decisions[0]["route"])}
