"""Every shipped dialect against recorded bodies: tests/wire/<dialect>/<operation>/<case>.http with what must be read.

A case's `.yaml` says what a request holds; `.answer` is an answer's body and `.answer.yaml` what it means. Whatever we
change, every other byte stays.
"""

import json
import re
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from evenhand.dialects.answer import merge, refuses, revise, revised_prompts
from evenhand.dialects.load import load_dialects
from evenhand.dialects.reading import Reading, read, write
from evenhand.dialects.scan import snake
from evenhand.dialects.spec import Dialect, Operation, covers
from evenhand.flow import Edit, Span
from evenhand.proxy.target import Upstream, find, upstreams_of
from evenhand.settings import load_settings
from evenhand.text import like

ROOT = Path(__file__).parent.parent / "wire"
DIALECTS = {dialect.id: dialect for dialect in load_dialects()}
OPERATIONS = {operation.id: operation for dialect in DIALECTS.values() for operation in dialect.operations}
HOMES = {operation.id: dialect for dialect in DIALECTS.values() for operation in dialect.operations}
REQUESTS = sorted(ROOT.rglob("*.http"))
ANSWERS = sorted(ROOT.rglob("*.answer"))
MARK = "~put-in-here~"
FEWEST = 3
ANOTHER_SEED, OTHER_IMAGES = 20_861, 1
_TOLD_LENGTH = re.compile(rb"(?i)(content-length: *)\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a request holds. `images` is as sent or as the API's default says, 1 where that can't be used."""

    prompts: list[str]
    images: int = 1
    seed: int | None = None
    streams: bool = False
    input_image: bool = False
    rewriters: list[str] = field(default_factory=list)
    asks_images: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedAnswer:
    """`items` is how many pictures it holds where they can be told of; `claims` the prompts the API says it drew."""

    status: int = 200
    content_type: str = "application/json"
    items: int | None = None
    claims: list[str] = field(default_factory=list)
    refused: bool = False
    merges: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    method: str
    path: bytes
    headers: Mapping[str, str]
    body: bytes

    @property
    def kind(self) -> bytes:
        return self.headers["content-type"].encode()

    @property
    def is_form(self) -> bool:
        return self.kind.startswith(b"multipart/")


def request_in(file: Path) -> Request:
    head, _, body = file.read_bytes().partition(b"\r\n\r\n")
    first, *lines = head.decode("ascii").split("\r\n")
    method, target, version = first.split(" ")
    assert version == "HTTP/1.1"
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    assert headers.get("content-length", str(len(body))) == str(len(body)), f"the body has {len(body)} bytes"
    return Request(method=method, path=target.partition("?")[0].encode(), headers=headers, body=body)


def expected_of(file: Path) -> dict[str, Any]:
    """Of a request beside `case.http`, of an answer beside `case.answer`."""
    told = file.with_suffix(".yaml") if file.suffix == ".http" else file.with_name(f"{file.name}.yaml")
    found: dict[str, Any] = YAML(typ="safe").load(told)
    return found


def operation_of(file: Path) -> Operation:
    operation = OPERATIONS[file.parent.name]
    assert HOMES[operation.id].id == file.parent.parent.name
    return operation


def upstream_of(dialect: Dialect, host: str) -> Upstream:
    """As configured by nothing but its origin, where that is one of the dialect's own hosts."""
    named = "" if any(like(pattern, host) for pattern in dialect.hosts) else dialect.id
    (upstream,) = upstreams_of([], load_settings(upstream=f"https://{host}", dialects=named), list(DIALECTS.values()))
    return upstream


def reading_of(file: Path) -> Reading:
    request, operation = request_in(file), operation_of(file)
    return read(request.body, operation, content_type=request.kind, path=operation.names_in(request.path))


def name_of(file: Path) -> str:
    return str(file.relative_to(ROOT))


def fields_of(body: bytes, kind: bytes) -> list[tuple[str, str | None, bytes]]:
    """The fields of a form as the standard library's mail parser reads them."""
    message = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + kind + b"\r\n\r\n" + body)
    return [_field(part) for part in message.get_payload() if isinstance(part, Message)]


def _field(part: Message) -> tuple[str, str | None, bytes]:
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return str(part.get_param("name", header="content-disposition")), part.get_filename(), content


def data_of(request: Request, body: bytes) -> Any:
    """A form's fields without files as {name: text}, so that both kinds can be looked into by pointer."""
    if not request.is_form:
        return json.loads(body)
    return {name: content.decode() for name, filename, content in fields_of(body, request.kind) if filename is None}


def without(marked: Any) -> Any:
    """The same data without the mark in any of its texts."""
    if isinstance(marked, dict):
        return {key: without(value) for key, value in marked.items()}
    if isinstance(marked, list):
        return [without(value) for value in marked]
    return marked.replace(MARK, "") if isinstance(marked, str) else marked


def at(data: Any, pointer: str) -> list[Any]:
    """Every value at a pointer with `*`, in either spelling of its keys."""
    found = [data]
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        found = [inner for value in found for inner in _inside(value, name)]
    return found


def _inside(value: Any, name: str) -> Iterable[Any]:
    if name == "*":
        return value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    if isinstance(value, list):
        return [value[int(name)]] if name.isdigit() and int(name) < len(value) else []
    return [value[key] for key in (name, snake(name)) if isinstance(value, dict) and key in value][:1]


def with_value(data: Any, pointer: str, value: Any, *, snaky: bool) -> Any:
    changed = deepcopy(data)
    *around, last = pointer.split("/")[1:]
    inside = changed
    for part in around:
        inside = inside.setdefault(_key(inside, part, snaky), {})
    inside[_key(inside, last, snaky)] = value
    return changed


def _key(inside: Any, part: str, snaky: bool) -> str:
    return snake(part) if snaky and snake(part) in inside else part


def changed_bytes(old: bytes, new: bytes) -> int:
    """How many bytes of the old body are not at the start or the end of the new one."""
    shortest = min(len(old), len(new))
    start = next((place for place in range(shortest) if old[place] != new[place]), shortest)
    rest = shortest - start
    end = next((place for place in range(rest) if old[-1 - place] != new[-1 - place]), rest)
    return len(old) - start - end


@pytest.mark.parametrize("file", REQUESTS, ids=name_of)
def test_the_operation_is_found_by_method_and_path(file: Path) -> None:
    request, operation = request_in(file), operation_of(file)
    upstream = upstream_of(HOMES[operation.id], request.headers["host"])
    found = find(upstream.operations, request.method, request.path)
    assert found is not None
    assert found.id == operation.id


@pytest.mark.parametrize("file", [file for file in REQUESTS if DIALECTS[file.parent.parent.name].usual], ids=name_of)
def test_no_two_usual_dialects_share_a_path(file: Path) -> None:
    request = request_in(file)
    usual = [operation for dialect in DIALECTS.values() if dialect.usual for operation in dialect.operations]
    fitting = [operation for operation in usual if operation.method == request.method and operation.matches(request.path)]
    assert {HOMES[operation.id].id for operation in fitting} == {file.parent.parent.name}


@pytest.mark.parametrize("dialect", [dialect for dialect in DIALECTS.values() if dialect.hosts], ids=lambda dialect: dialect.id)
def test_a_dialect_with_hosts_is_recorded_at_one_of_them(dialect: Dialect) -> None:
    hosts = {request_in(file).headers["host"] for file in (ROOT / dialect.id).rglob("*.http")}
    assert [host for host in hosts if any(like(pattern, host) for pattern in dialect.hosts)]


@pytest.mark.parametrize("file", REQUESTS, ids=name_of)
def test_what_a_request_asks_for(file: Path) -> None:
    reading = reading_of(file)
    assert Expected(
        prompts=[place.text for place in reading.prompts],
        images=reading.images,
        seed=reading.seed,
        streams=reading.streams,
        input_image=reading.has_input_image,
        rewriters=[rewriter.at for rewriter in reading.rewriters],
        asks_images=reading.asks_images,
    ) == Expected(**expected_of(file))


@pytest.mark.parametrize("file", REQUESTS, ids=name_of)
def test_words_put_into_every_prompt_change_nothing_else(file: Path) -> None:
    request, reading = request_in(file), reading_of(file)
    middles = [len(place.text) // 2 for place in reading.prompts]
    written = bytes(write(reading, [(Edit(span=Span(middle, middle), text=MARK),) for middle in middles]))
    assert written.count(MARK.encode()) == len(reading.prompts)
    assert rest_of(written) == rest_of(request.body)
    again = read(written, reading.operation, content_type=request.kind, path=reading.operation.names_in(request.path))
    assert [place.text for place in again.prompts] == [
        place.text[:middle] + MARK + place.text[middle:] for place, middle in zip(reading.prompts, middles, strict=True)
    ]
    assert without(data_of(request, written)) == data_of(request, request.body)
    if request.is_form:
        files = [[part for part in fields_of(body, request.kind) if part[1] is not None] for body in (written, request.body)]
        assert files[0] == files[1]


def rest_of(body: bytes) -> str:
    """All but the mark, and but the digits with which a field of a form tells its own length."""
    return sha256(_TOLD_LENGTH.sub(rb"\1", body.replace(MARK.encode(), b""))).hexdigest()


@pytest.mark.parametrize("file", REQUESTS, ids=name_of)
def test_places_that_look_like_prompts_are_left_alone(file: Path) -> None:
    reading = reading_of(file)
    touched = [place.pointer for place in reading.prompts]
    assert not [(never, place) for never in reading.operation.never for place in touched if covers(never, place)]


@pytest.mark.parametrize("file", REQUESTS, ids=name_of)
def test_count_seed_and_rewriters_are_set_alone(file: Path) -> None:
    reading = reading_of(file)
    operation, nothing = reading.operation, [()] * len(reading.prompts)
    if not reading.asks_images:
        return
    if operation.count:
        check_set(file, bytes(write(reading, nothing, images=OTHER_IMAGES)), operation.count.at[0], OTHER_IMAGES)
    if operation.seed:
        check_set(file, bytes(write(reading, nothing, seed=ANOTHER_SEED)), operation.seed, ANOTHER_SEED)
    for rewriter in operation.rewriters:
        check_set(file, bytes(write(reading, nothing, silenced=[rewriter])), rewriter.at, rewriter.off)


def check_set(file: Path, written: bytes, pointer: str, value: Any) -> None:
    request, operation = request_in(file), operation_of(file)
    before = data_of(request, request.body)
    said = (value if isinstance(value, str) else json.dumps(value)) if request.is_form else value
    assert data_of(request, written) == with_value(before, pointer, said, snaky=operation.snake_case)
    old = at(before, pointer)
    shown = "" if not old else old[0] if request.is_form else json.dumps(old[0])
    assert changed_bytes(_TOLD_LENGTH.sub(rb"\1", request.body), _TOLD_LENGTH.sub(rb"\1", written)) <= len(shown.encode())


@pytest.mark.parametrize("file", ANSWERS, ids=name_of)
def test_what_an_answer_means(file: Path) -> None:
    operation, answer = operation_of(file), file.read_bytes()
    expected = ExpectedAnswer(**expected_of(file))
    assert refuses(answer, expected.status, operation) == expected.refused
    assert revised_prompts(answer, operation) == expected.claims
    assert (merge([answer, answer], operation) is not None) == expected.merges


@pytest.mark.parametrize("file", ANSWERS, ids=name_of)
def test_a_revised_prompt_is_all_that_is_added_to_an_answer(file: Path) -> None:
    operation, answer = operation_of(file), file.read_bytes()
    expected = ExpectedAnswer(**expected_of(file))
    told = revise(answer, operation, [f"{MARK} of image {index}" for index in range(10)])
    if expected.items is None:
        assert told in (None, answer)
        return
    assert operation.answer is not None
    assert told is not None
    assert told.count(MARK.encode()) == expected.items - len(expected.claims)
    assert unrevised(json.loads(told), operation) == unrevised(json.loads(answer), operation)
    if told.count(MARK.encode()) == 0:
        assert told == answer


def unrevised(data: Any, operation: Operation) -> Any:
    """Without what stands for the revised prompt of each item."""
    assert operation.answer is not None
    for item in at(data, f"{operation.answer.items}/*"):
        given = item.get(operation.answer.revised_prompt)
        if not given or MARK in given:
            item.pop(operation.answer.revised_prompt, None)
    return data


@pytest.mark.parametrize("file", ANSWERS, ids=name_of)
def test_merged_answers_hold_the_pictures_of_all(file: Path) -> None:
    operation, answer = operation_of(file), file.read_bytes()
    if not ExpectedAnswer(**expected_of(file)).merges:
        return
    assert operation.answer is not None
    merged, alone = json.loads(merge([answer, answer], operation) or b""), json.loads(answer)
    (pictures,), (each,) = at(merged, operation.answer.items), at(alone, operation.answer.items)
    assert [unnumbered(item, operation) for item in pictures] == [unnumbered(item, operation) for item in [*each, *each]]
    for pointer in operation.answer.sum:
        assert at(merged, pointer) == [twice(value) for value in at(alone, pointer)]
    changed = [operation.answer.items, *operation.answer.join, *operation.answer.sum]
    for pointer in (pointer for pointer in changed if at(alone, pointer)):
        merged, alone = (with_value(data, pointer, None, snaky=False) for data in (merged, alone))
    assert merged == alone


def twice(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: twice(inner) for key, inner in value.items()}
    return 2 * value if isinstance(value, int | float) else value


def unnumbered(item: Any, operation: Operation) -> Any:
    """Without an image's own number, which is counted through where answers become one."""
    assert operation.answer is not None
    return {key: value for key, value in item.items() if key != operation.answer.index} if isinstance(item, dict) else item


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda operation: operation.id)
def test_every_operation_has_its_recorded_bodies(operation: Operation) -> None:
    folder = ROOT / HOMES[operation.id].id / operation.id
    assert len(list(folder.glob("*.http"))) >= FEWEST
    assert len(list(folder.glob("*.answer"))) >= FEWEST


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda operation: operation.id)
def test_every_place_of_an_operation_is_in_some_recorded_body(operation: Operation) -> None:
    folder = ROOT / HOMES[operation.id].id / operation.id
    requests = [request_in(file) for file in folder.glob("*.http")]
    bodies = [data_of(request, request.body) for request in requests]
    places = [*(place.at for place in operation.places), *operation.never, *(each.at for each in operation.rewriters)]
    places += [*(operation.count.at if operation.count else ()), *((operation.seed,) if operation.seed else ())]
    assert not [pointer for pointer in places if not any(at(body, pointer) for body in bodies)]


def test_nothing_in_the_folder_is_unread() -> None:
    read_files = {file for http in REQUESTS for file in (http, http.with_suffix(".yaml"))}
    read_files |= {file for answer in ANSWERS for file in (answer, answer.with_name(f"{answer.name}.yaml"))}
    present = {file for file in ROOT.rglob("*") if file.is_file() and file.name != ".gitattributes"}
    assert present == read_files
