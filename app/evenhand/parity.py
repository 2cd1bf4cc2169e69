"""Rules, an Engine and carrier prompts come in; which demographic terms are treated unlike their fellows goes out.

Every gender, ethnicity, nationality and religion term goes through the carriers of its form ("a {term} nurse"). Terms of one form
that close the same axes are fellows: their decisions must have one shape, that is the same subjects with the same axes closed.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from evenhand.casebook import ground, head_of, with_place
from evenhand.checking import check
from evenhand.engine import Engine
from evenhand.errors import Problem, RuleError
from evenhand.flow import Axis, Decision, Prompt, Span, Subject
from evenhand.rules.compile import forms
from evenhand.rules.load import LoadedRule, LoadedRules
from evenhand.rules.ruleset import Place, Ruleset
from evenhand.rules.schema import Closes, Strict, all_axes
from evenhand.source import read
from evenhand.text import article

SHIPPED = Path(__file__).parent / "carriers.yaml"
KINDS = ("terms", "cultures", "religions")
Shape = tuple[tuple[str, tuple[Axis, ...]], ...]


class Known(Strict):
    """Exceptions that are right as they are. What is left out holds for all."""

    rule: str | None = None
    terms: tuple[str, ...] = ()
    carriers: tuple[str, ...] = ()
    why: str

    def covers(self, term: "Term", carrier: str) -> bool:
        fits = self.rule in (None, term.rule) and (not self.terms or term.text in self.terms)
        return fits and (not self.carriers or carrier in self.carriers)


class CarrierFile(Strict):
    """`carriers` by form. {term} is the term as its rule writes it, {low} and {Title} in that case; {a} is its article.

    `forms` gives rules (kind/id) a form that their schema does not tell, such as dress, which is worn.
    """

    carriers: dict[str, list[str]]
    forms: dict[str, str] | None = None
    known: tuple[Known, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    text: str
    rule: str
    form: str
    axes: frozenset[Axis]
    is_exact: bool
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A term in a carrier, and what became of it."""

    term: Term
    carrier: str
    decision: Decision
    shape: Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Odd:
    """A trial whose shape is not the usual one; `known` says why that is right, where somebody wrote it down."""

    trial: Trial
    usual: Shape
    because: tuple[str, ...]
    known: str | None


@dataclass(frozen=True, kw_only=True)
class Parity:
    terms: int
    prompts: int
    odds: tuple[Odd, ...]
    stale: tuple[Known, ...]

    @cached_property
    def unknown(self) -> Mapping[Term, tuple[Odd, ...]]:
        """By term, those with most exceptions first."""
        found: defaultdict[Term, list[Odd]] = defaultdict(list)
        for odd in self.odds:
            if odd.known is None:
                found[odd.trial.term].append(odd)
        order = sorted(found, key=lambda term: (-len(found[term]), term.rule, term.text))
        return {term: tuple(found[term]) for term in order}


def read_carriers(path: Path) -> CarrierFile:
    """Raises RuleError with every problem."""
    try:
        documents, problems = read(path.read_bytes(), str(path))
    except OSError as error:
        message = f"'{path}' can't be read: {error.strerror}; name a file with 'carriers'"
        raise RuleError([Problem(str(path), 1, 1, message)]) from None
    for document in documents[:1]:
        checked, wrong = check(document, CarrierFile, document.root)
        if checked and not problems:
            return checked
        problems += wrong
    raise RuleError(problems or [Problem(str(path), 1, 1, "the file holds no carriers; write 'carriers:' with a list a form")])


def terms_of(loaded: LoadedRules, data: CarrierFile) -> list[Term]:
    """Every phrase of a demographic rule that is switched on, each once a form."""
    terms: dict[tuple[str, str, frozenset[Axis]], Term] = {}
    for rule in loaded.rules:
        if rule.kind in KINDS and f"{rule.kind}/{rule.rule.id}" not in loaded.policy.disable:
            for term in _terms(rule, data.forms or {}):
                terms.setdefault((term.text, term.form, term.axes), term)
    return list(terms.values())


def _terms(rule: LoadedRule, told: Mapping[str, str]) -> Iterator[Term]:
    name = f"{rule.kind}/{rule.rule.id}"
    form: str = getattr(rule.rule, "form", "adjective")
    closes: Closes = getattr(rule.rule, "closes", [])
    axes = all_axes(closes) | frozenset(getattr(rule.rule, "states", {}))
    if rule.kind == "cultures" and form != "nationality":
        return
    for phrase in rule.phrases:
        for text, number in forms(phrase):
            plain = "adjective" if form == "nationality" else form
            yield Term(
                text=text, rule=name, form=told.get(name) or number or plain, axes=axes, is_exact=phrase.exact, place=phrase.place
            )


def run_parity(terms: Sequence[Term], engine: Engine, data: CarrierFile) -> Parity:
    fellows: defaultdict[tuple[str, frozenset[Axis], str], list[Trial]] = defaultdict(list)
    for term in terms:
        for carrier in data.carriers.get(term.form, []):
            prompt = filled(carrier, term)
            if prompt is not None:
                fellows[term.form, term.axes, carrier].append(_trial(term, carrier, prompt, engine))
    odds = tuple(odd for trials in fellows.values() for odd in _odds(trials, data.known, engine.rules))
    used = {id(known) for odd in odds for known in data.known if known.covers(odd.trial.term, odd.trial.carrier)}
    stale = tuple(known for known in data.known if id(known) not in used)
    return Parity(terms=len(terms), prompts=sum(map(len, fellows.values())), odds=odds, stale=stale)


def filled(carrier: str, term: Term) -> tuple[str, Span] | None:
    """The prompt and where the term stands; None where its case counts and the carrier would change it."""
    marks = {"{term}": term.text, "{low}": term.text.lower(), "{Title}": " ".join(map(_titled, term.text.split(" ")))}
    mark = next((mark for mark in marks if mark in carrier), None)
    if mark is None or (term.is_exact and marks[mark] != term.text):
        return None
    before, after = (part.replace("{a}", article(marks[mark])) for part in carrier.split(mark, 1))
    return before + marks[mark] + after, Span(len(before), len(before) + len(marks[mark]))


def _titled(word: str) -> str:
    return word[:1].upper() + word[1:]


def _trial(term: Term, carrier: str, prompt: tuple[str, Span], engine: Engine) -> Trial:
    decision = engine.decide(Prompt(text=prompt[0]))
    return Trial(term=term, carrier=carrier, decision=decision, shape=shape_of(decision, prompt[1]))


def shape_of(decision: Decision, term: Span) -> Shape:
    """Each subject's head, or what of it stands after the term ("*" where nothing does), with the axes closed."""
    shape = []
    for subject in decision.plan.analysis.subjects:
        rulings = [ruling for ruling in decision.plan.rulings if ruling.subject is subject]
        closed = tuple(sorted(ruling.axis for ruling in rulings if not ruling.is_open))
        shape.append((_head_beside(term, decision, subject), closed))
    return tuple(shape)


def _head_beside(term: Span, decision: Decision, subject: Subject) -> str:
    head = subject.head
    if not head.meets(term):
        return head_of(decision, subject).lower()
    text = decision.plan.analysis.prompt.text
    return text[min(head.end, term.end) : head.end].strip().lower() or "*"


def _odds(trials: Sequence[Trial], known: Iterable[Known], rules: Ruleset) -> Iterator[Odd]:
    """The usual shape is that of most fellows; of two as frequent the one that sorts first."""
    counts = Counter(trial.shape for trial in trials)
    usual = min(counts, key=lambda shape: (-counts[shape], shape))
    for trial in trials:
        if trial.shape != usual:
            reasons = (each.why for each in known if each.covers(trial.term, trial.carrier))
            because = tuple(_because(trial.decision, rules))
            yield Odd(trial=trial, usual=usual, because=because, known=next(reasons, None))


def _because(decision: Decision, rules: Ruleset) -> Iterator[str]:
    analysis = decision.plan.analysis
    yield from (ground(decision, ruling, False, rules.places) for ruling in decision.plan.rulings if not ruling.is_open)
    for note in analysis.notes:
        words = analysis.prompt.text[note.span.start : note.span.end]
        yield f"'{words}' is noted as {note.kind} by {with_place(note.rule, rules.places)}"


def shape_text(shape: Shape) -> str:
    """ "nurse: ethnicity closed; student: open"."""
    said = (f"{head}: {', '.join(axes) + ' closed' if axes else 'open'}" for head, axes in shape)
    return "; ".join(said) or "no subject"
