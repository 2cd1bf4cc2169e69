"""Prompts in a graph of nodes, such as a ComfyUI workflow: the texts that lead into a sampler's positive input.

A link is an array whose first item names another node. What the negative input reaches, too, is left alone; a text in an
input that is itself named as the positive one is always a prompt.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping

from evenhand.dialects.json_body import JsonBody
from evenhand.dialects.scan import Token
from evenhand.dialects.spec import GraphSpec
from evenhand.text import like

Inputs = Mapping[str, Mapping[str, Token]]
_LONGEST_LINK = 256


def texts_of(body: JsonBody, spec: GraphSpec) -> list[Token]:
    nodes = _nodes(body, spec)
    links = {node: _links(body, inputs) for node, inputs in nodes.items() if not _is_blank(body, spec, node)}
    wanted = _reached(links, spec.start, but=spec.never)
    unwanted = _reached(links, spec.never, but=spec.start)
    found = [(node, name, token) for node, inputs in nodes.items() for name, token in inputs.items() if token.kind == "string"]
    here = wanted - unwanted
    return [token for node, name, token in found if name in spec.start or (node in here and name in spec.texts)]


def _is_blank(body: JsonBody, spec: GraphSpec, node: str) -> bool:
    token = body.values.get(f"{spec.nodes}/{node}/{spec.kind}")
    kind = body.scalar(token) if token else None
    return isinstance(kind, str) and any(like(pattern, kind) for pattern in spec.blank)


def _nodes(body: JsonBody, spec: GraphSpec) -> Inputs:
    nodes: dict[str, dict[str, Token]] = defaultdict(dict)
    depth = len(spec.nodes.split("/"))
    for pointer, token in body.values.items():
        parts = pointer.split("/")
        if pointer.startswith(f"{spec.nodes}/") and len(parts) == depth + 3 and parts[depth + 1] == spec.inputs:
            nodes[parts[depth]][parts[depth + 2]] = token
    return nodes


def _links(body: JsonBody, inputs: Mapping[str, Token]) -> dict[str, str]:
    """Input -> the node it comes from."""
    found: dict[str, str] = {}
    for name, token in inputs.items():
        if token.kind == "array" and token.end - token.start <= _LONGEST_LINK:
            value = json.loads(body.data[token.start : token.end])
            if value and isinstance(value[0], str | int):
                found[name] = str(value[0]).replace("~", "~0").replace("/", "~1")
    return found


def _reached(links: Mapping[str, Mapping[str, str]], start: Iterable[str], *, but: Iterable[str]) -> set[str]:
    """The nodes behind every input named in `start`, never passing through one named in `but`."""
    first = [target for inputs in links.values() for name, target in inputs.items() if name in start]
    seen: set[str] = set()
    waiting = first
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            waiting += [target for name, target in links.get(node, {}).items() if name not in but]
    return seen
