"""What a request asks for: its prompts, how many images, which seed; and the changes that write prompts anew.

The same for JSON and forms. Bytes outside of the changes are never touched, and nothing is ever written where it was not read.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from evenhand.dialects.conditions import holds, same, values_at
from evenhand.dialects.form_body import FormBody
from evenhand.dialects.graph import texts_of
from evenhand.dialects.json_body import JsonBody
from evenhand.dialects.scan import Token
from evenhand.dialects.spec import Condition, Operation, PromptSpec, RewriterSpec, Scalar
from evenhand.dialects.splice import Body, Change, Pieces
from evenhand.errors import BodyError
from evenhand.flow import Edit

MAX_PROMPTS = 200
_NOTHING = (b"", b'""', b"[]", b"{}", b"null", b"false")


@dataclass(frozen=True, slots=True)
class Place:
    """A prompt in a body: where it stands and what it says, as far as that may be changed."""

    token: Token
    text: str

    @property
    def pointer(self) -> str:
        return self.token.pointer


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """`asks_images` is False for a request that wants no picture. `images` is 1 where the count can't be used.

    `seed` is the request's own, where it is a whole number from 0. `rewriters` are the upstream's own that are on.
    """

    operation: Operation
    body: JsonBody | FormBody
    asks_images: bool = True
    prompts: tuple[Place, ...] = ()
    images: int = 1
    seed: int | None = None
    streams: bool = False
    has_input_image: bool = False
    rewriters: tuple[RewriterSpec, ...] = ()

    @property
    def can_split(self) -> bool:
        return self.images > 1 and self.operation.can_split and not self.streams


def read(data: Body, operation: Operation, *, content_type: bytes = b"", path: Mapping[str, str] | None = None) -> Reading:
    """`path` holds the named parts of the request's path. Raises BodyError where the body can't be read in exactly one way."""
    body = _opened(data, content_type, operation)
    if not _asks(body, operation, path or {}):
        return Reading(operation=operation, body=body, asks_images=False)
    return Reading(
        operation=operation,
        body=body,
        prompts=tuple(_prompts(body, operation, path or {})),
        images=_images(body, operation),
        seed=_seed(body, operation),
        streams=_streams(body, operation),
        has_input_image=_has_input_image(body, operation, path or {}),
        rewriters=tuple(each for each in operation.rewriters if _is_on(body, each)),
    )


def write(
    reading: Reading,
    edits: Sequence[Sequence[Edit]],
    *,
    images: int | None = None,
    seed: int | None = None,
    silenced: Iterable[RewriterSpec] = (),
) -> Pieces:
    """The body with one list of edits a prompt; with another count or seed where given, and rewriters switched off."""
    body, operation = reading.body, reading.operation
    changes: list[Change] = []
    for place, own in zip(reading.prompts, edits, strict=True):
        changes += body.edited(place.token, place.text, own)
    settings: dict[str, Scalar] = {rewriter.at: rewriter.off for rewriter in silenced}
    if images is not None and operation.count:
        settings[operation.count.at[0]] = images
    if seed is not None and operation.seed:
        settings[operation.seed] = seed
    return Pieces(body.data, [*changes, *body.setting(settings)])


def _asks(body: JsonBody | FormBody, operation: Operation, path: Mapping[str, str]) -> bool:
    if any(holds(each, body, "", path) for each in operation.unless):
        return False
    return not operation.when or any(holds(each, body, "", path) for each in operation.when)


def _opened(data: Body, content_type: bytes, operation: Operation) -> JsonBody | FormBody:
    kind = content_type.partition(b";")[0].strip().lower()
    if kind == b"multipart/form-data" and "multipart/form-data" in operation.content:
        return FormBody.of(data, content_type, operation)
    return JsonBody.of(data if isinstance(data, bytes) else data[:], operation)


def _prompts(body: JsonBody | FormBody, operation: Operation, path: Mapping[str, str]) -> Iterator[Place]:
    found = dict(_listed(body, operation, path))
    if operation.graph and isinstance(body, JsonBody):
        found |= dict.fromkeys(texts_of(body, operation.graph))
    if not found and operation.prompt_required:
        place = operation.places[0].at if operation.places else ""
        raise BodyError(f"The body has no prompt at '{place}'; send it as a string.", pointer=place)
    if len(found) > MAX_PROMPTS:
        first = next(iter(found)).pointer
        raise BodyError(f"The body has {len(found):,} prompts; at most {MAX_PROMPTS} are allowed.", pointer=first)
    for token in sorted(found, key=lambda token: token.start):
        until, text = found[token], body.text(token)
        yield Place(token, text.partition(until)[0] if until else text)


def _listed(body: JsonBody | FormBody, operation: Operation, path: Mapping[str, str]) -> Iterator[tuple[Token, str | None]]:
    """Where prompts stand, each with the mark in its text from which on it is left alone."""
    found = [(spec, token) for spec in operation.places for token in _fitting(body, spec, operation, path)]
    found.sort(key=lambda pair: pair[1].start)
    newest = dict(_item(spec, token) for spec, token in found)
    for spec, token in found:
        start, item = _item(spec, token)
        if item == newest[start]:
            yield token, spec.until


def _fitting(body: JsonBody | FormBody, spec: PromptSpec, operation: Operation, path: Mapping[str, str]) -> list[Token]:
    texts = [token for token in values_at(body, spec.at) if _is_text(token, operation)]
    return [token for token in texts if spec.where is None or holds(spec.where, body, token.pointer, path)]


def _is_text(token: Token, operation: Operation) -> bool:
    """Raises BodyError for a required prompt of another kind; a place may also hold what has prompts deeper inside."""
    if token.kind == "string":
        return True
    if operation.prompt_required and not (operation.has_prompts_inside and token.kind in ("object", "array")):
        named = {"object": "an object", "array": "an array", "number": "a number"}.get(token.kind, token.kind)
        raise BodyError(f"The prompt at '{token.pointer}' is {named}; it must be a string.", pointer=token.pointer)
    return False


def _item(spec: PromptSpec, token: Token) -> tuple[str, str]:
    """Where only the last item counts: what stands before the first `*`, and the name of the token's own item."""
    if not spec.last:
        return "", ""
    start = spec.at.partition("/*")[0]
    return f"{start}/*", token.pointer[len(start) :].split("/")[1]


def _images(body: JsonBody | FormBody, operation: Operation) -> int:
    """The product of the counts; 1 where one makes no sense, or could not be set anew, which is left to the image API."""
    if operation.count is None or not body.can_set(operation.count.at[0]):
        return 1
    product = 1
    for place in operation.count.at:
        token = body.values.get(place)
        value = operation.count.default if token is None or token.kind == "null" else body.scalar(token)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            return 1
        product *= value
    return product if product <= operation.count.most else 1


def _seed(body: JsonBody | FormBody, operation: Operation) -> int | None:
    token = body.values.get(operation.seed) if operation.seed else None
    value = body.scalar(token) if token else None
    fixed = isinstance(value, int) and not isinstance(value, bool) and value >= 0 and value not in operation.any_seed
    return value if isinstance(value, int) and fixed else None


def _streams(body: JsonBody | FormBody, operation: Operation) -> bool:
    if isinstance(operation.stream, bool):
        return operation.stream
    token = body.values.get(operation.stream)
    return token is not None and body.scalar(token) is True


def _has_input_image(body: JsonBody | FormBody, operation: Operation, path: Mapping[str, str]) -> bool:
    if isinstance(operation.input_image, bool):
        return operation.input_image
    return any(_shows(body, told, path) for told in operation.input_image)


def _shows(body: JsonBody | FormBody, told: str | Condition, path: Mapping[str, str]) -> bool:
    if isinstance(told, Condition):
        return holds(told, body, "", path)
    return any(body.data[token.start : min(token.end, token.start + 6)] not in _NOTHING for token in values_at(body, told))


def _is_on(body: JsonBody | FormBody, rewriter: RewriterSpec) -> bool:
    token = body.values.get(rewriter.at)
    if token is None or token.kind == "null":
        return rewriter.default == "on"
    return any(same(body.scalar(token), each) for each in rewriter.on)
