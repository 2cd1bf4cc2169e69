"""A folder of rule files comes in; checked rules, policy, wording and upstreams with their places go out.

Every file is read once; every problem of every file is told at once. Compiles nothing and decides nothing.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import re2
from pydantic import BaseModel, Field

from evenhand.checking import check, meant
from evenhand.errors import Problem, RuleError
from evenhand.rules.files import rule_files
from evenhand.rules.phrases import ListedPhrase, Origin, listed_phrases
from evenhand.rules.ruleset import Place
from evenhand.rules.schema import LISTED, PolicyFile, Rule, Strict, UpstreamRule, WordingRule
from evenhand.source import Document, Mark, Node, read

__all__ = ["ListedPhrase", "LoadedRule", "LoadedRules", "LoadedWording", "load_folder", "shipped_rules"]

ALL_KINDS = sorted([*LISTED, "policy"])
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]+)*")
_EXTENDS = re.compile(rb"^extends:\s*shipped\b", re.MULTILINE)
_POLICY = "policy.yaml"
M = TypeVar("M", bound=BaseModel)


class Envelope(Strict):
    """What stands around the rules of one YAML document."""

    kind: str
    rules: list[dict[str, Any]] = Field(min_length=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedRule:
    """`example_places` goes along with `rule.examples`; `kind` and the rule's id are its name in explanations."""

    kind: str
    rule: Rule
    language: str
    place: Place
    phrases: tuple[ListedPhrase, ...]
    example_places: tuple[Place, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedWording:
    rule: WordingRule
    language: str
    place: Place
    example_places: tuple[Place, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedRules:
    """`digest` changes with any byte or name of any file; `places` maps kind/id to where the rule begins."""

    rules: tuple[LoadedRule, ...]
    policy: PolicyFile
    wording: tuple[LoadedWording, ...]
    upstreams: tuple[UpstreamRule, ...]
    places: Mapping[str, Place]
    digest: str


def shipped_rules() -> Path:
    """The rules inside an installed package, else those of the checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "_rules"
    return inside if inside.is_dir() else package.parent.parent / "rules"


def load_folder(root: Path, *, changed: Mapping[str, bytes] | None = None) -> LoadedRules:
    """`changed` replaces files in memory, by name relative to the folder. Raises RuleError with every problem found.

    Where the folder's policy says `extends: shipped`, its files are laid over the shipped ones, by name.
    """
    shown = _shown(root)
    own, problems = _read_files(root, shown)
    own |= changed or {}
    base = _base(own)
    files = {**base, **own}
    under = _shown(shipped_rules())
    paths = {name: f"{shown if name in own else under}/{name}" for name in files}
    loading = _Loading(shown, files, paths, problems, _policy_of(base) if base else {})
    for name in sorted(files):
        if not name.endswith(".csv") and not (base and name == _POLICY and name not in own):
            loading.take_file(name)
    policy = loading.finish()
    if policy is None or loading.problems:
        raise RuleError(loading.problems)
    return LoadedRules(
        rules=tuple(loading.rules),
        policy=policy,
        wording=tuple(loading.wording),
        upstreams=tuple(loading.upstreams),
        places=loading.places,
        digest=_digest(files),
    )


def _base(own: Mapping[str, bytes]) -> dict[str, bytes]:
    """The shipped files, where a policy of the folder extends them."""
    if not any(_EXTENDS.search(raw) for name, raw in own.items() if not name.endswith(".csv")):
        return {}
    return _read_files(shipped_rules(), "shipped")[0]


def _policy_of(base: Mapping[str, bytes]) -> dict[str, Any]:
    documents, _ = read(base[_POLICY], _POLICY)
    return {key: value for key, value in documents[0].root.value.items() if key != "kind"}


def _shown(root: Path) -> str:
    """The folder as problems name it: relative where it lies under the current directory."""
    here = Path.cwd()
    return str(root.relative_to(here)) if root.is_absolute() and root.is_relative_to(here) else str(root)


def _read_files(root: Path, shown: str) -> tuple[dict[str, bytes], list[Problem]]:
    """Bytes by relative name with forward slashes."""
    if not root.is_dir():
        raise RuleError([Problem(shown, 1, 1, f"there is no folder '{shown}'; name the folder that holds policy.yaml")])
    files: dict[str, bytes] = {}
    problems: list[Problem] = []
    for path in rule_files(root, onerror=lambda error: problems.append(_unreadable(error, shown))):
        name = path.relative_to(root).as_posix()
        try:
            files[name] = path.read_bytes()
        except OSError as error:
            problems.append(_unreadable(error, f"{shown}/{name}"))
    if not files and not problems:
        problems.append(Problem(shown, 1, 1, f"folder '{shown}' holds no .yaml file; a rule folder needs at least policy.yaml"))
    return files, problems


def _unreadable(error: OSError, shown: str) -> Problem:
    return Problem(shown, 1, 1, f"'{shown}' can't be read: {error.strerror or error}; check its permissions")


def _digest(files: Mapping[str, bytes]) -> str:
    total = hashlib.sha256()
    for name in sorted(files):
        total.update(f"{name}\0{len(files[name])}\0".encode())
        total.update(files[name])
    return total.hexdigest()


@dataclass(slots=True)
class _Loading:
    """What has been gathered so far. `paths` names the files as problems do; `base` is the policy that is extended."""

    shown: str
    files: Mapping[str, bytes]
    paths: Mapping[str, str]
    problems: list[Problem]
    base: Mapping[str, Any]
    rules: list[LoadedRule] = field(default_factory=list)
    wording: list[LoadedWording] = field(default_factory=list)
    upstreams: list[UpstreamRule] = field(default_factory=list)
    places: dict[str, Place] = field(default_factory=dict)
    policies: list[tuple[PolicyFile | None, Document]] = field(default_factory=list)

    def take_file(self, name: str) -> None:
        documents, broken = read(self.files[name], self.paths[name])
        before = len(self.problems)
        for document in documents:
            self._take_document(name, document)
        if not documents and not broken:
            self.problems.append(Problem(self.paths[name], 1, 1, "the file holds no rules; fill it or delete it"))
        at = {(problem.line, problem.column) for problem in broken}
        found = [problem for problem in self.problems[before:] if (problem.line, problem.column) not in at]
        self.problems[before:] = [*broken, *found]

    def _take_document(self, name: str, document: Document) -> None:
        root = document.root
        kind = root.value.get("kind") if isinstance(root.value, dict) else None
        if not isinstance(kind, str):
            hint = f"kinds: {', '.join(ALL_KINDS)}"
            self.problems.append(document.problem(root.mark, "a rule document begins with 'kind: ...'", hint))
        elif kind == "policy":
            self._take_policy(document)
        elif kind not in LISTED:
            hint = meant(kind, ALL_KINDS) or f"kinds: {', '.join(ALL_KINDS)}"
            self.problems.append(document.problem(document.mark("kind"), f"unknown kind '{kind}'", hint))
        else:
            self._take_rules(name, document, kind)

    def _take_policy(self, document: Document) -> None:
        root = document.root
        said = {key: value for key, value in root.value.items() if key != "kind"}
        if isinstance(said.get("axes"), dict) and self.base:
            said["axes"] = {**self.base["axes"], **said["axes"]}
        bare = Node(root.mark, {**self.base, **said}, root.children, root.keys)
        for key in said:
            mark = document.mark(key)
            self.places.setdefault(f"policy/{key}", Place(document.path, mark.line, mark.column))
        policy = self._checked(document, PolicyFile, bare)
        if self.policies:
            first = self.policies[0][1]
            message = f"a second policy; the first is {first.path}:{first.root.mark.line}"
            self.problems.append(document.problem(root.mark, message, "keep one of them"))
        self.policies.append((policy, document))

    def _take_rules(self, name: str, document: Document, kind: str) -> None:
        self._checked(document, Envelope, document.root)
        language = name.split("/")[0] if "/" in name else ""
        if kind != "upstreams" and not _LANGUAGE.fullmatch(language):
            message = f"rules of kind '{kind}' stand outside a language folder"
            self.problems.append(document.problem(document.mark("kind"), message, f"move the file to {self.shown}/en/"))
        for node in self._rule_nodes(document):
            self._take_rule(Origin(name, document, kind, node), language)

    def _rule_nodes(self, document: Document) -> Iterator[Node]:
        rules = document.root.children.get("rules")
        if rules and isinstance(rules.value, list):
            yield from (node for node in rules.children.values() if isinstance(node.value, dict))

    def _take_rule(self, origin: Origin, language: str) -> None:
        document, node, kind = origin.document, origin.node, origin.kind
        place = Place(document.path, node.mark.line, node.mark.column)
        self._take_id(origin, place)
        rule = self._checked(document, LISTED[kind], node)
        examples = node.children.get("examples")
        places = tuple(Place(document.path, inner.mark.line, inner.mark.column) for inner in _items(examples))
        if isinstance(rule, UpstreamRule):
            self.upstreams.append(rule)
        elif isinstance(rule, WordingRule):
            self.wording.append(LoadedWording(rule=rule, language=language, place=place, example_places=places))
        elif isinstance(rule, Rule):
            self.problems += _pattern_problems(document, rule, node)
            phrases, problems = listed_phrases(rule, origin, self.files)
            self.problems += problems
            loaded = LoadedRule(kind=kind, rule=rule, language=language, place=place, phrases=phrases, example_places=places)
            self.rules.append(loaded)

    def _take_id(self, origin: Origin, place: Place) -> None:
        name = origin.node.value.get("id")
        if not isinstance(name, str):
            return
        first = self.places.setdefault(f"{origin.kind}/{name}", place)
        if first is not place:
            mark = origin.node.at(["id"]).mark
            message = f"id '{name}' is taken within '{origin.kind}'; first at {first}"
            self.problems.append(origin.document.problem(mark, message, "give it another id"))

    def _checked(self, document: Document, model: type[M], node: Node) -> M | None:
        checked, problems = check(document, model, node)
        self.problems += problems
        return checked

    def finish(self) -> PolicyFile | None:
        """What can be checked only with everything at hand."""
        for policy, document in self.policies:
            for key in ("disable", "trial"):
                self._check_names(key, getattr(policy, key, []), document)
            if policy is not None:
                self._check_wording(policy, document)
        if not self.policies and self.files:
            message = "there is no policy; add a file with 'kind: policy' and 'axes'"
            self.problems.append(Problem(f"{self.shown}/policy.yaml", 1, 1, message))
        return self.policies[0][0] if self.policies else None

    def _check_wording(self, policy: PolicyFile, document: Document) -> None:
        """Every value that may be drawn can be said; a folder without any wording says nothing at all."""
        if not self.wording:
            return
        said = {(wording.rule.axis, wording.rule.value) for wording in self.wording}
        parts = [policy.axes, *(part.axes for part in (*policy.routes.values(), *policy.tenants.values()))]
        drawn = {(axis, value) for axes in parts for axis, shares in axes.items() for value in shares}
        for axis, value in sorted(drawn - said):
            message = f"there is no wording for '{value}' of the axis '{axis}'"
            hint = f"add a rule of kind 'wording' with axis: {axis} and value: {value}"
            self.problems.append(document.problem(document.mark("axes", axis), message, hint))

    def _check_names(self, key: str, names: list[str], document: Document) -> None:
        known = [place for place in self.places if not place.startswith("policy/")]
        for index, name in enumerate(names):
            if name not in known:
                hint = meant(name, known) or "write kind/id, such as periods/vikings"
                message = f"there is no rule '{name}' to {'disable' if key == 'disable' else 'put on trial'}"
                self.problems.append(document.problem(document.mark(key, index), message, hint))


def _items(node: Node | None) -> list[Node]:
    return list(node.children.values()) if node and isinstance(node.value, list) else []


def _pattern_problems(document: Document, rule: Rule, node: Node) -> Iterator[Problem]:
    options = re2.Options()
    options.log_errors = False
    for index, pattern in enumerate(rule.patterns):
        mark: Mark = node.at(["patterns", index]).mark
        try:
            if re2.compile(pattern, options).fullmatch(""):
                yield document.problem(mark, f"pattern '{pattern}' matches the empty text", "let it need at least one word")
        except re2.error as error:
            said = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
            hint = "patterns are RE2: no lookaround and no backreferences"
            yield document.problem(mark, f"pattern '{pattern}' can't be used: {said}", hint)
