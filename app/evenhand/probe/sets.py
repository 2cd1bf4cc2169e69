"""A file of sets comes in; checked sets of sentences and groups go out: the shipped ones, or an operator's own.

A set with groups compares them on one axis; a set of `prompts` is only watched. Raises RuleError with every problem.
"""

from collections.abc import Sequence
from pathlib import Path

from evenhand.checking import check
from evenhand.errors import Problem, RuleError, SettingsError
from evenhand.rules.schema import Strict
from evenhand.source import read

SHIPPED = Path(__file__).parent / "sets.yaml"
ALL = "all"


class Plain(Strict):
    """A sentence sent as it is; `why` says what it is known for."""

    say: str
    why: str = ""


class ProbeSet(Strict):
    """`groups` maps a value of the axis to its terms; a list stands for values that are their own terms."""

    id: str
    axis: str = ""
    default: bool = False
    carriers: str = ""
    groups: dict[str, list[str]] | tuple[str, ...] = ()
    prompts: tuple[Plain, ...] = ()

    def terms(self) -> dict[str, list[str]]:
        return self.groups if isinstance(self.groups, dict) else {value: [value] for value in self.groups}


class SetFile(Strict):
    sets: list[ProbeSet]
    carriers: dict[str, list[str]] | None = None

    def words(self) -> dict[str, dict[str, list[str]]]:
        """By axis and value every term that any set has for it."""
        found: dict[str, dict[str, list[str]]] = {}
        for each in self.sets:
            for value, terms in each.terms().items():
                known = found.setdefault(each.axis, {}).setdefault(value, [])
                known += [term for term in dict.fromkeys([value, *terms]) if term not in known]
        return found


def read_sets(path: Path = SHIPPED) -> SetFile:
    try:
        documents, problems = read(path.read_bytes(), str(path))
    except OSError as error:
        message = f"'{path}' can't be read: {error.strerror}; name a file with 'sets'"
        raise RuleError([Problem(str(path), 1, 1, message)]) from None
    for document in documents[:1]:
        checked, wrong = check(document, SetFile, document.root)
        problems += wrong
        if checked and not problems:
            problems += [document.problem(document.root.mark, fault) for each in checked.sets for fault in _faults(each, checked)]
        if checked and not problems:
            return checked
    raise RuleError(problems or [Problem(str(path), 1, 1, "the file holds no sets; write 'sets:' with a list")])


def _faults(each: ProbeSet, data: SetFile) -> Sequence[str]:
    if each.prompts:
        return [f"the set '{each.id}' has 'prompts' and 'groups'; make two sets of it"] if each.groups else []
    faults, known = [], data.carriers or {}
    if not each.axis or len(each.terms()) < 2:
        faults.append(f"the set '{each.id}' compares nothing; give it an 'axis' and two 'groups', or 'prompts'")
    if not all(each.terms().values()):
        faults.append(f"the set '{each.id}' has a group without terms; give it one")
    if not known.get(each.carriers):
        faults.append(f"the set '{each.id}' takes the carriers '{each.carriers}', and the file has none; name others")
    elif not all("{term}" in carrier for carrier in known[each.carriers]):
        faults.append(f"a sentence of the carriers '{each.carriers}' has no {{term}}; write it where the term goes")
    return faults


def chosen(data: SetFile, names: str | None) -> list[ProbeSet]:
    """The sets named, with commas between; the default ones unless told. Raises SettingsError for a name no set has."""
    if names is None:
        return [each for each in data.sets if each.default]
    known = {each.id: each for each in data.sets}
    wanted = list(known) if names.strip() == ALL else [name.strip() for name in names.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in known]
    if unknown or not wanted:
        told = f"there is no set '{unknown[0]}'" if unknown else "--sets names no set"
        raise SettingsError(f"{told}; the sets are {', '.join(known)}, or 'all'")
    return [known[name] for name in dict.fromkeys(wanted)]
