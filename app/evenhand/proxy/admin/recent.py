"""The last decisions, in memory: ledger entries come in, the newest come out first. Bounded by count and by bytes.

An entry kept here holds on to no Ruleset: of its rules only what its explanation needs is kept, so that old revisions are
freed. It writes nothing anywhere.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice

from evenhand.casebook import head_of, rules_met
from evenhand.flow import Decision
from evenhand.proxy.watch.ledger import Entry
from evenhand.rules import Ruleset
from evenhand.rules.compile import canonical_phrase
from evenhand.rules.patterns import Meaning, Patterns, Phrases

ENTRY_BYTES, FINDING_BYTES, DRAW_BYTES = 3_000, 700, 400  # measured, rounded up
_NO_PHRASES, _NO_PATTERNS = Phrases([]), Patterns([])
Test = Callable[[Entry], bool]


class Recent:
    """`limit` entries of `limit_bytes` together at most."""

    def __init__(self, limit: int = 1_000, *, limit_bytes: int = 16 << 20) -> None:
        self._limit = limit
        self._limit_bytes = limit_bytes
        self._kept: deque[tuple[int, Entry]] = deque()
        self._bare: Ruleset | None = None
        self.bytes = 0

    def note(self, entry: Entry) -> None:
        size = weight(entry.decision)
        self._kept.append((size, replace(entry, rules=self._explaining(entry.decision, entry.rules))))
        self.bytes += size
        while self._kept and (len(self._kept) > self._limit or self.bytes > self._limit_bytes):
            self.bytes -= self._kept.popleft()[0]

    def entries(self) -> list[Entry]:
        """Newest first."""
        return [entry for _, entry in reversed(self._kept)]

    def _explaining(self, decision: Decision, rules: Ruleset) -> Ruleset:
        """One empty Ruleset of a revision does for all decisions that met nobody."""
        if self._bare is None or self._bare.policy is not rules.policy or self._bare.revision != rules.revision:
            self._bare = replace(rules, phrases=_NO_PHRASES, patterns=_NO_PATTERNS, wording={}, why={}, places={})
        met = rules_met(decision)
        if not met and not decision.plan.analysis.subjects:
            return self._bare
        why = {name: rules.why[name] for name in met if name in rules.why}
        places = {name: rules.places[name] for name in met if name in rules.places}
        return replace(self._bare, phrases=_Heads(decision, rules), why=why, places=places)

    def find(self, tests: Iterable[Test], *, limit: int) -> list[Entry]:
        wanted = list(tests)
        return list(islice((entry for entry in self.entries() if all(test(entry) for test in wanted)), limit))


def weight(decision: Decision) -> int:
    """About how many bytes an entry takes; a character may take four."""
    texts = (decision.plan.analysis.prompt.text, *decision.texts)
    findings = sum(len(subject.findings) for subject in decision.plan.analysis.subjects) + len(decision.plan.analysis.notes)
    draws = sum(len(image) for image in decision.draws)
    return ENTRY_BYTES + 4 * sum(map(len, texts)) + FINDING_BYTES * findings + DRAW_BYTES * draws


def reasons_of(decision: Decision) -> frozenset[str]:
    return frozenset(finding.reason for ruling in decision.plan.rulings for finding in ruling.closed_by)


class _Heads:
    """What the rules know of the heads of one decision; answers like `Phrases` for these words only."""

    def __init__(self, decision: Decision, rules: Ruleset) -> None:
        lines = [canonical_phrase(head_of(decision, subject)) for subject in decision.plan.analysis.subjects]
        self._known: dict[str, list[tuple[int, Meaning]]] = {line: list(rules.phrases.iter(line)) for line in lines}

    def iter(self, line: str, /) -> Iterator[tuple[int, Meaning]]:
        return iter(self._known.get(line, ()))
