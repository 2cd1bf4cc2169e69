"""JSON request bodies: what we take, Python's parser takes and reads the same; what we write says what was meant, and no more."""

from collections.abc import Iterator

from evenhand.dialects.reading import Reading, read, write
from evenhand.dialects.spec import Operation, parents
from evenhand.errors import BodyError
from evenhand.flow import Edit
from evenhand.text import splice
from fuzz.shared import JSON, around, at, chosen, edits_of, golden_requests, strict_json, tails

HOSTILE = (
    b'{"prompt":"a","Prompt":"b"}',
    b'{"prompt":"a","prompt":"b"}',
    b'{"pro\\u006dpt":"a\\ud83d\\ude00\\n","n":2,"seed":1}',
    b'{"prompt":"a\\ud800","n":1e400,"seed":-0}',
    b'{"prompt":["a","b"],"n":18446744073709551616}',
    b'{"contents":[{"role":"user","parts":[{"text":"a"}]}],"generation_config":{"candidateCount":2}}',
    b'{"a":' + b"[" * 70 + b"]" * 70 + b',"prompt":"a"}',
    b'\xef\xbb\xbf {"prompt" : "\xc3\xa9 \\"x\\" \xf0\x9f\x98\x80" }\n',
)
WORDS = (
    b'"prompt":', b'"Prompt":', b'"pro\\u006dpt":', b'"n":', b'"seed":', b'"parameters":', b'"contents":[{"parts":[{"text":',
    b'"generationConfig":', b'"generation_config":', b'"input":', b'"instances":[{', b'"text_prompts":[{"text":"a"}]',
    b'"messages":[{"role":"user","content":', b"null", b"\\ud83d\\ude00", b"\\ud800", b"\\u0000", b"\xef\xbb\xbf", b"\xc3\xa9",
    b"1e400", b"-0", b"18446744073709551616", b"[[[[", b"]]]]", b"true", b"|", b" --",
)  # fmt: skip


def seeds() -> Iterator[bytes]:
    for index, _, body in golden_requests(JSON):
        yield bytes([index]) + body
    yield from (bytes([index]) + body for body in HOSTILE for index in (0, 20, 40))


def run(data: bytes) -> None:
    operation, body = chosen(data, JSON)
    try:
        reading = opened(body, operation)
    except BodyError:
        return
    document = strict_json(body)
    for place in reading.prompts:
        said = at(document, place.pointer)
        assert isinstance(said, str)
        assert said.startswith(place.text), (place, said)
    assert bytes(write(reading, [[] for _ in reading.prompts])) == body
    if reading.asks_images:
        check_edited(reading)
        check_settings(reading)


def opened(body: bytes, operation: Operation) -> Reading:
    """With a path that asks for pictures, where the path tells."""
    told = {each.path: str([*each.like, *each.equals][0]).replace("*", "4") for each in operation.when if each.path}
    return read(body, operation, content_type=b"application/json", path=told)


def check_edited(reading: Reading) -> None:
    edits = [edits_of(place.text) for place in reading.prompts]
    after = opened(bytes(write(reading, edits)), reading.operation)
    meant = [splice(place.text, own) for place, own in zip(reading.prompts, edits, strict=True)]
    assert [place.text for place in after.prompts] == meant
    assert around(after) == around(reading)
    assert tails(after) == tails(reading)


def check_settings(reading: Reading) -> None:
    """One image, another seed and no rewriter: the body stays JSON, and its prompts say what they said."""
    unchanged: list[list[Edit]] = [[] for _ in reading.prompts]
    written = bytes(write(reading, unchanged, images=1, seed=7, silenced=reading.rewriters))
    strict_json(written)
    after = opened(written, reading.operation)
    assert [place.text for place in after.prompts] == [place.text for place in reading.prompts]
    assert not after.rewriters or not settable(reading, after.rewriters[0].at)
    assert not reading.can_split or after.images == 1
    assert reading.seed is None or after.seed == 7


def settable(reading: Reading, pointer: str) -> bool:
    """What is no object is left for the image API to refuse, or to take for nothing."""
    around = [reading.body.values.get(place) for place in parents(pointer)]
    return all(token is None or token.kind == "object" for token in around)
