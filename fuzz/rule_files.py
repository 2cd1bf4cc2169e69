"""Files of an operator: any bytes as a rule file, policy, CSV, upstreams or dialect give rules that work, or a RuleError.

The first byte picks the kind of file. `extends: shipped` is left out: it loads the shipped rules, which takes seconds.
"""

import re
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from evenhand.dialects.load import dialect_of
from evenhand.engine import Engine
from evenhand.errors import Problem, RuleError
from evenhand.flow import Prompt
from evenhand.rules.compile import compile_rules
from evenhand.rules.load import load_folder
from evenhand.rules.ruleset import Ruleset

ROOT = Path(__file__).resolve().parent.parent
POLICY = b"kind: policy\naxes:\n  gender: {woman: 50, man: 50}\n"
LISTING = b"kind: roles\nrules:\n  - {id: all, list: list.csv, why: Anybody., examples: [{say: a doctor, vary: [gender]}]}\n"
CONTROL = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u202a-\\u202e\\u2066-\\u2069]")
NAMES = ("en/some.yaml", "policy.yaml", "en/list.csv", "upstreams.yaml", "dialect.yaml")
RULE = b"""\
kind: %s
rules:
  - id: one
    match: [doctor, nurse]
%s    why: A reason.
    examples: [{say: a doctor, leave: all}]
"""
RULES = (
    RULE % (b"roles", b""),
    RULE % (b"periods", b"    during: 1935..1945\n    closes: all\n"),
    RULE % (b"terms", b"    states: {gender: woman}\n"),
    RULE % (b"cultures", b"    patterns: ['(a+)+$', '(?i)x{1,999}', '(?=a)']\n    closes: [ethnicity]\n"),
    RULE % (b"collocations", b"    case: exact\n"),
    b"kind: wording\nrules:\n  - {id: woman, axis: gender, value: woman, adjective: female, why: So it is said.}\n",
    b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
    b"kind: !!python/object/apply:os.system [id]\n",
    b"kind: roles\nrules: " + b"[" * 60 + b"]" * 60,
    b'kind: roles\nrules:\n  - id: "\\U0010FFFF\\uD800"\n    match: [\'\']\n    patterns: ["(((((((x{100}){100}){100}"]\n',
    b"kind: policy\n---\nkind: policy\n...\n%YAML 9.9\n---\n? [a]\n: b\n<<: {a: 1}\n",
)
POLICIES = (
    POLICY + b"historical_until: 1970\none_is_stated: leave\nimages: shared\nsampling: {by: prompt}\n",
    POLICY + b"mode: shadow\non_error: reject\nlimits: {added_chars_per_person: 60, prompt_chars: 32000}\n",
    POLICY + b"tenants:\n  acme: {mode: 'off'}\nroutes:\n  '*': {axes: {gender: {man: 100}}}\ndisable: [roles/none]\n",
    b"kind: policy\naxes: {gender: {woman: 1e400, man: .nan}}\n",
)
CSVS = (b"one,many\ndoctor,doctors\nnurse,\n", b'one,many\n"a,b",-\n"\n', b"phrase\nold master\n\x00", b"\xff\xfe")
UPSTREAMS = b"kind: upstreams\nrules:\n  - {id: one, path: /v1, origin: 'https://api.example', why: It draws.}\n"
WORDS = (
    b"kind: ", b"roles", b"periods", b"terms", b"wording", b"cultures", b"collocations", b"rules:\n  - id: ", b"match: [",
    b"patterns: ['", b"list: ", b"why: ", b"examples: [{say: a, leave: all}]", b"closes: ", b"states: {", b"during: 1..2",
    b"case: exact", b"&a ", b"*a", b"<<: ", b"!!binary ", b"? ", b"|-\n", b"---\n", b"...\n", b"%YAML 1.1\n",
    b"axes: {gender: {man: 100}}", b"tenants:", b"disable: [", b"one,many\n", b'"', b"\\U0010FFFF", b"(?i)", b"{1,999}",
    b".nan", b"1e400",
)  # fmt: skip


def seeds() -> Iterator[bytes]:
    for index, files in enumerate((RULES, POLICIES, CSVS, (UPSTREAMS,))):
        yield from (bytes([index]) + raw for raw in files)
    for name in ("cues", "wording", "styles", "sensitive", "religions"):
        yield b"\x00" + (ROOT / f"rules/en/{name}.yaml").read_bytes()[:3000]
    yield b"\x01" + (ROOT / "rules/policy.yaml").read_bytes()
    for path in sorted((ROOT / "app/evenhand/dialects").glob("*.yaml")):
        yield b"\x04" + path.read_bytes()[:3000]


@cache
def folder() -> tempfile.TemporaryDirectory[str]:
    made = tempfile.TemporaryDirectory()
    (Path(made.name) / "policy.yaml").write_bytes(POLICY)
    (Path(made.name) / "en").mkdir()
    (Path(made.name) / "en/roles.yaml").write_bytes(LISTING)
    (Path(made.name) / "en/list.csv").write_bytes(CSVS[0])
    return made


def run(data: bytes) -> None:
    name, raw = NAMES[(data[0] if data else 0) % len(NAMES)], data[1:]
    if b"extends" in raw:
        return
    rules = loaded(name, raw)
    if rules is not None:
        said = raw[-300:].decode("utf-8", "replace")
        Engine(rules, cache_bytes=0).decide(Prompt(text=f"a doctor and two nurses, {said}", seed=1))


def loaded(name: str, raw: bytes) -> Ruleset | None:
    """None where there is nothing to decide with. Any error but RuleError is a finding."""
    problems: list[Problem] = []
    try:
        if name != "dialect.yaml":
            return compile_rules(load_folder(Path(folder().name), changed={name: raw}))
        dialect_of(raw, name)
        return None
    except RuleError as error:
        problems = error.problems
    assert problems
    for problem in problems:
        assert problem.message
        assert problem.line > 0
        assert not CONTROL.search(str(problem).replace("\n", "")), "a file must not steer the terminal that shows its faults"
    return None
