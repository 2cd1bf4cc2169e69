"""One prompt comes in; it is sent as one request for one picture, and its answer goes out. The only place that opens a socket.

The key goes into a header and nowhere else. Pictures are thrown away unless a folder for them is named.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx

from evenhand.checking import check
from evenhand.dialects.load import load_dialects
from evenhand.dialects.spec import Operation
from evenhand.errors import RuleError, SettingsError
from evenhand.probe.plan import Ask
from evenhand.probe.reading import Answer, answer_of
from evenhand.rules.schema import Strict
from evenhand.source import read

_APIS = Path(__file__).parent / "apis.yaml"
_KINDS = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpeg", b"RIFF": "webp"}


class _Model(Strict):
    name: str
    fields: dict[str, Any]
    keep: dict[str, Any] | None = None


class _Models(Strict):
    models: list[_Model]


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """Where to send, and what besides the prompt. `headers` may hold secrets."""

    url: str
    operation: Operation
    fields: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout_s: float = 180.0
    keep: Path | None = None


def operation_of(name: str) -> Operation:
    """Raises SettingsError where no dialect has it, or it takes no single prompt in JSON."""
    known = {each.id: each for dialect in load_dialects() for each in dialect.operations}
    fit = [each for each in known.values() if _prompt_field(each) and "application/json" in each.content]
    if name in known and known[name] in fit:
        return known[name]
    told = "it takes no plain prompt in JSON" if name in known else "no dialect has it"
    raise SettingsError(f"--operation '{name}' can't be probed: {told}; take one of {', '.join(each.id for each in fit)}")


def path_of(operation: Operation, given: str | None) -> str:
    """Raises SettingsError where the operation's path has parts that only the operator knows."""
    path = given or operation.path
    if not path.startswith("/") or "{" in path or not path.isascii() or not path.isprintable() or " " in path:
        raise SettingsError(f"the path '{path}' is no address; write it out with --path, such as {operation.path}")
    return path


def _prompt_field(operation: Operation) -> str:
    """The field of the body that holds the prompt."""
    for each in operation.prompts:
        place = each if isinstance(each, str) else each.at
        if place.count("/") == 1 and "*" not in place:
            return place[1:]
    return ""


def cheapest(model: str, operation: Operation, *, keeps: bool) -> dict[str, Any]:
    """The fields that ask this model for one picture, its smallest and cheapest."""
    documents, problems = read(_APIS.read_bytes(), _APIS.name)
    checked, wrong = check(documents[0], _Models, documents[0].root)
    if checked is None:
        raise RuleError(problems + wrong)
    fit = next((each for each in checked.models if model.startswith(each.name)), None)
    places = operation.count.at if operation.count else []
    one: dict[str, Any] = {place[1:]: 1 for place in places if place.count("/") == 1}
    return {**one, **fit.fields, **(fit.keep or {} if keeps else {})} if fit else one


def ask_for(ask: Ask, api: Api, client: httpx.Client) -> Answer:
    body = {**api.fields, _prompt_field(api.operation): ask.prompt}
    switch = {"x-evenhand": "off"} if ask.half == "raw" else {}
    try:
        response = client.post(api.url, json=body, headers={**api.headers, **switch})
    except (httpx.ConnectError, httpx.ConnectTimeout):
        return Answer(outcome="again", status=0, code="unreachable")
    except httpx.TimeoutException:
        return Answer(outcome="error", status=0, code="timeout")
    except httpx.HTTPError:
        return Answer(outcome="error", status=0, code="broken_off")
    names = {name.lower(): value for name, value in response.headers.items()}
    answer = answer_of(response.status_code, names, response.content, api.operation)
    if any(answer.code and answer.code in value for value in api.headers.values()):  # an API that repeats our key
        answer = replace(answer, code="")
    return _kept(ask, answer, response.content, api.keep) if api.keep and answer.outcome == "drawn" else answer


def client_of(api: Api) -> httpx.Client:
    """Takes nothing from the environment: a .netrc would replace the key, a proxy would see it."""
    return httpx.Client(timeout=api.timeout_s, trust_env=False)


def _kept(ask: Ask, answer: Answer, body: bytes, folder: Path) -> Answer:
    """A picture that can't be written is said, and nothing else is lost: it is paid for."""
    for number, picture in enumerate(_pictures(json.loads(body))):
        kind = next((kind for start, kind in _KINDS.items() if picture.startswith(start)), "bin")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{ask.key}-{number}.{kind}").write_bytes(picture)
        except OSError:
            return replace(answer, code="not_kept")
    return answer


def _pictures(told: Any) -> list[bytes]:
    """Every `b64_json` in the answer, wherever it stands."""
    if isinstance(told, list):
        return [picture for each in told for picture in _pictures(each)]
    if not isinstance(told, dict):
        return []
    here = told.get("b64_json")
    try:
        found = [base64.b64decode(here)] if isinstance(here, str) else []
    except binascii.Error:
        found = []
    return found + [picture for each in told.values() for picture in _pictures(each)]
