"""One rule's phrases from its `match` and its CSV `list`, each with its place, and whatever is wrong with the CSV."""

import csv
import io
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from evenhand.checking import meant
from evenhand.errors import Problem
from evenhand.rules.ruleset import Place
from evenhand.rules.schema import Forms, Rule
from evenhand.source import Document, Mark, Node, decoded, problem_at

NOUN_KINDS = frozenset({"roles", "bodies", "things"})
NO_FORM = "-"
LONGEST = 120
MOST_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class ListedPhrase:
    """`one` alone is a plain phrase unless `is_noun`. Of a noun, `many` None means the regular plural, "-" none at all."""

    one: str | None
    many: str | None
    exact: bool
    is_noun: bool
    place: Place


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a rule stands: `file` is relative to the rule folder."""

    file: str
    document: Document
    kind: str
    node: Node

    @property
    def shown_root(self) -> str:
        return self.document.path.removesuffix(self.file).rstrip("/")


def listed_phrases(rule: Rule, origin: Origin, files: Mapping[str, bytes]) -> tuple[tuple[ListedPhrase, ...], list[Problem]]:
    written = tuple(_written(rule, origin))
    if rule.words is None:
        return written, []
    rows, problems = _listed(rule, origin, files)
    return written + rows, problems


def _written(rule: Rule, origin: Origin) -> Iterator[ListedPhrase]:
    exact, path = rule.case == "exact", origin.document.path
    nodes = origin.node.at(["match"])
    for index, phrase in enumerate(rule.match):
        mark = nodes.at([index]).mark
        place = Place(path, mark.line, mark.column)
        if isinstance(phrase, Forms):
            yield _noun(phrase.one, phrase.many, exact, place)
        else:
            yield ListedPhrase(phrase, None, exact, origin.kind in NOUN_KINDS, place)


def _noun(one: str | None, many: str | None, exact: bool, place: Place) -> ListedPhrase:
    has_one = one if one and one != NO_FORM else None
    return ListedPhrase(has_one, many or None, exact, True, place)


def _listed(rule: Rule, origin: Origin, files: Mapping[str, bytes]) -> tuple[tuple[ListedPhrase, ...], list[Problem]]:
    words = rule.words or ""
    name = posixpath.normpath(posixpath.join(posixpath.dirname(origin.file), words))
    mark = origin.node.at(["list"]).mark
    if posixpath.isabs(words) or name.startswith("../") or "\\" in words:
        hint = "name a CSV file beside this one, with '/' between folders"
        return (), [origin.document.problem(mark, f"list '{words}' leads out of the rule folder", hint)]
    if name not in files or not name.endswith(".csv"):
        known = [posixpath.relpath(file, posixpath.dirname(origin.file) or ".") for file in files if file.endswith(".csv")]
        hint = meant(words, known) or "the path is relative to this file"
        return (), [origin.document.problem(mark, f"there is no CSV file '{words}'", hint)]
    text = decoded(files[name], f"{origin.shown_root}/{name}")
    if isinstance(text, Problem):
        return (), [text]
    table = _Table(f"{origin.shown_root}/{name}", text, rule.case == "exact", origin.kind in NOUN_KINDS)
    table.read()
    return tuple(table.found), table.problems


class _Table:
    """One CSV file: a header, then a phrase or noun a row. Long lists are the rule, so a row must stay cheap."""

    def __init__(self, path: str, text: str, exact: bool, noun_kind: bool) -> None:
        self.path = path
        self.text = text
        self.exact = exact
        self.noun_kind = noun_kind
        self.found: list[ListedPhrase] = []
        self.problems: list[Problem] = []
        self._lines: tuple[str, ...] = ()
        self._untold = 0

    def read(self) -> None:
        reader = csv.reader(io.StringIO(self.text, newline=""), strict=True)
        try:
            header = [name.strip() for name in next(reader, [])]
            if self._header_is_good(header):
                self._rows(reader, header)
        except csv.Error as error:
            hint = "put a field with a comma or quote in double quotes"
            self._tell(max(reader.line_num, 1), f"can't be read as CSV: {error}", hint)
        if self._untold:
            last = self.problems[-1]
            self.problems.append(
                replace(last, line=last.line + 1, message=f"and {self._untold} more problems below", excerpt="", hint="")
            )

    def _header_is_good(self, header: list[str]) -> bool:
        columns = set(header) - {"case"}
        if columns in ({"match"}, {"one", "many"}) and len(header) == len(set(header)):
            return True
        shown = ",".join(header)[:60]
        self._tell(1, f"header '{shown}' is not known", "write 'match' or 'one,many', and 'case' where it is needed")
        return False

    def _rows(self, reader: Any, header: list[str]) -> None:
        case_at = header.index("case") if "case" in header else None
        one_at = header.index("one" if "one" in header else "match")
        many_at = header.index("many") if "many" in header else None
        rows = 0
        for fields in reader:
            if len(fields) == len(header):
                rows += 1
                exact = self.exact if case_at is None else self._exact(fields[case_at].strip(), reader.line_num)
                many = None if many_at is None else fields[many_at].strip()
                self._take(fields[one_at].strip(), many, exact, reader.line_num)
            elif fields:
                message = f"the row has {len(fields)} fields, the header {len(header)}"
                self._tell(reader.line_num, message, "put a field with a comma in double quotes")
                rows += 1
        if not rows:
            self._tell(1, "the list is empty", "add rows below the header, or delete the file and its 'list'")

    def _exact(self, case: str, line: int) -> bool:
        if case not in ("", "any", "exact"):
            self._tell(line, f"'{case}' is not a value of 'case'", "allowed: exact, any, or nothing")
        return case == "exact" or (self.exact and case != "any")

    def _take(self, one: str, many: str | None, exact: bool, line: int) -> None:
        place = Place(self.path, line, 1)
        if len(one) > LONGEST or (many and len(many) > LONGEST):
            self._take_long(one, many, exact, line)
        elif many is not None:
            self._take_noun(one, many, exact, place)
        elif one and "|" not in one:
            self.found.append(ListedPhrase(one, None, exact, self.noun_kind, place))
        else:
            self._take_aliases(one, exact, place)

    def _take_noun(self, one: str, many: str, exact: bool, place: Place) -> None:
        if not one or (one == NO_FORM and many in ("", NO_FORM)):
            self._tell(place.line, "the row gives no form", "fill 'one', or write '-' there and fill 'many'")
        else:
            self.found.append(_noun(one, many, exact, place))

    def _take_aliases(self, aliases: str, exact: bool, place: Place) -> None:
        names = [alias.strip() for alias in aliases.split("|")]
        if not all(names):
            self._tell(place.line, "a phrase is empty", "fill the field, or delete the row or the extra '|'")
        self.found += [ListedPhrase(name, None, exact, self.noun_kind, place) for name in names if name]

    def _take_long(self, one: str, many: str | None, exact: bool, line: int) -> None:
        """A row of many aliases may be long; a single phrase may not."""
        phrases = one.split("|") if many is None else [one, many]
        longest = max(len(phrase.strip()) for phrase in phrases)
        if longest > LONGEST:
            self._tell(line, f"a phrase of {longest} characters; at most {LONGEST} are allowed", "shorten it")
        elif many is None:
            self._take_aliases(one, exact, Place(self.path, line, 1))

    def _tell(self, line: int, message: str, hint: str) -> None:
        if len(self.problems) >= MOST_PROBLEMS:
            self._untold += 1
            return
        self._lines = self._lines or tuple(self.text.splitlines())
        width = len(self._lines[line - 1]) if line <= len(self._lines) else 1
        mark = Mark(line, 1, max(min(width, 100), 1))
        self.problems.append(problem_at(self.path, self._lines, mark, message, hint))
