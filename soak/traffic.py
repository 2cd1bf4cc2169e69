"""The kinds of traffic as a table: how often each comes, its bytes, and the answers that are right for it.

Every prompt holds two words that were never seen before, so that whatever remembers words grows if it can.
"""

import gzip
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

IMAGES, EDITS = "/v1/images/generations", "/v1/images/edits"
PEOPLE = ("a doctor", "two nurses", "a Black teacher", "a crowd of people", "an engineer and her boss", "a cat", "Elon Musk")
BOUNDARY = "soak0123456789abcdef"
STAGES = ("half a head", "a head", "half a body", "the request", "the answer's start")


@dataclass(frozen=True, slots=True)
class Sent:
    """`leave` names the stage at which the client hangs up; None where it stays to the end."""

    raw: bytes
    leave: str | None = None
    admin: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """`right` holds the statuses that are right; 0 is an answer that was cut off."""

    name: str
    weight: int
    right: frozenset[int]
    make: Callable[[random.Random], Sent]


def prompt_of(dice: random.Random) -> str:
    return f"{dice.choice(PEOPLE)} near {dice.randbytes(5).hex()}ville with a {dice.randbytes(4).hex()}er"


def message(path: str, body: bytes, *headers: str, kind: str = "application/json", method: str = "POST") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1", "authorization: Bearer soak", "connection: close", *headers]
    lines += [f"content-type: {kind}", f"content-length: {len(body)}"] if body else []
    return "\r\n".join([*lines, "", ""]).encode() + body


def asking(*headers: str, path: str = IMAGES, **more: object) -> Callable[[random.Random], Sent]:
    def make(dice: random.Random) -> Sent:
        return Sent(message(path, json.dumps({"prompt": prompt_of(dice), **more}).encode(), *headers))

    return make


def fixed(path: str, body: bytes = b"", *, method: str = "POST", admin: bool = False) -> Callable[[random.Random], Sent]:
    raw = message(path, body, method=method)
    return lambda dice: Sent(raw, admin=admin)


def form(file_bytes: int) -> Callable[[random.Random], Sent]:
    def make(dice: random.Random) -> Sent:
        part = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n'
        file = part % ("image", '; filename="a.png"\r\nContent-Type: image/png')
        start = f"{part % ('n', '')}2\r\n{file}".encode()
        end = f"\r\n{part % ('prompt', '')}{prompt_of(dice)}\r\n--{BOUNDARY}--\r\n".encode()
        return Sent(message(EDITS, start + bytes(file_bytes) + end, kind=f"multipart/form-data; boundary={BOUNDARY}"))

    return make


def packed(dice: random.Random) -> Sent:
    body = gzip.compress(json.dumps({"prompt": prompt_of(dice)}).encode())
    return Sent(message(IMAGES, body, "content-encoding: gzip"))


def batch(dice: random.Random) -> Sent:
    items = [{"prompt": prompt_of(dice), "images": 3, "ref": str(index)} for index in range(20)]
    return Sent(message("/rewrite/batch", json.dumps({"items": items}).encode()))


def plugin(dice: random.Random) -> Sent:
    body = {"input_type": "request", "texts": [prompt_of(dice)], "model": "gpt-image-1"}
    return Sent(message("/integrations/litellm/beta/litellm_basic_guardrail_api", json.dumps(body).encode()))


def leaving(dice: random.Random) -> Sent:
    wish = dice.choice(("slow", "stream", "large", ""))
    return Sent(asking(f"x-soak: {wish}", n=dice.choice((1, 4)))(dice).raw, leave=dice.choice(STAGES))


def leaving_an_upload(dice: random.Random) -> Sent:
    return Sent(form(9_000_000)(dice).raw, leave=dice.choice(STAGES))


FINE, REFUSED = frozenset({200}), frozenset({400, 404, 405, 413, 415, 422})
KINDS: Sequence[Kind] = (
    Kind("plain", 300, FINE, asking()),
    Kind("split in four", 60, FINE, asking(n=4)),
    Kind("stream", 40, FINE, asking("x-soak: stream", stream=True)),
    Kind("opted out", 40, FINE, asking("x-evenhand: off")),
    Kind("gzip", 30, FINE, packed),
    Kind("large prompt", 10, frozenset({200, 400}), asking(user="x" * 900_000)),
    Kind("large answer", 10, FINE, asking("x-soak: large")),
    Kind("form, 200 KB", 30, FINE, form(200_000)),
    Kind("form, 12 MB", 2, FINE, form(12_000_000)),
    Kind("slow", 30, FINE, asking("x-soak: slow")),
    Kind("rewrite", 80, FINE, asking(path="/rewrite", images=2)),
    Kind("rewrite a batch", 10, FINE, batch),
    Kind("LiteLLM's plug-in", 20, FINE, plugin),
    Kind("image API says 429", 20, frozenset({429}), asking("x-soak: 429")),
    Kind("image API says 500", 20, frozenset({500}), asking("x-soak: 500")),
    Kind("image API breaks off", 20, frozenset({0, 502}), asking("x-soak: die")),
    Kind("broken JSON", 20, REFUSED, fixed(IMAGES, b'{"prompt": "a doctor"')),
    Kind("two prompts", 20, REFUSED, fixed(IMAGES, b'{"prompt": "a doctor", "prompt": "a nurse"}')),
    Kind("no such path", 20, REFUSED, fixed("/v1/chat/elsewhere", b"{}")),
    Kind("too large", 3, REFUSED | {0}, asking(user="x" * 1_200_000)),
    Kind("client leaves", 120, frozenset(), leaving),
    Kind("client leaves an upload", 4, frozenset(), leaving_an_upload),
    Kind("metrics", 10, FINE, fixed("/metrics", method="GET", admin=True)),
    Kind("decisions", 5, FINE, fixed("/decisions?limit=500", method="GET", admin=True)),
    Kind("state of the page", 5, FINE, fixed("/api/recent", method="GET", admin=True)),
)
