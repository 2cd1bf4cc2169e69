"""Whether the image API's own revised prompt still shows whom the prompt fixed: a named person, a stated gender or ethnicity.

Only words are compared, with the engine that read the prompt. The result names axes, never text.
"""

from collections.abc import Iterable, Sequence

from evenhand.flow import Analysis, Decision, Finding, Prompt
from evenhand.proxy.live import Serving

_STATED = ("explicit", "nationality", "named")


def drift_of(decision: Decision, claims: Sequence[str], serving: Serving) -> tuple[str, ...]:
    """`claims` are the prompts that the image API says it drew. What we added ourselves counts as said."""
    asked = decision.plan.analysis
    longest = serving.rules.policy.limits.prompt_chars
    foreign = [claim[:longest] for claim in claims if claim not in (*decision.texts, asked.prompt.text)]
    read = [serving.engine.decide(Prompt(text=claim)).plan.analysis for claim in foreign]
    return tuple(sorted({axis for analysis in read for axis in drifted(asked, analysis)}))


def drifted(asked: Analysis, revised: Analysis) -> set[str]:
    """`named` where a name is gone; an axis where another value is stated than the prompt stated, and that one no more."""
    text = revised.prompt.text.casefold()
    lost = {"named" for finding in _findings(asked, ("named",)) if _words(asked, finding) not in text}
    wanted, given = _states(asked), _states(revised)
    return lost | {axis for axis, values in wanted.items() if given.get(axis) and not values & given[axis]}


def _states(analysis: Analysis) -> dict[str, set[str]]:
    """Axis -> the values that words state."""
    found: dict[str, set[str]] = {}
    for finding in _findings(analysis, _STATED):
        for axis, value in finding.states.items():
            found.setdefault(axis, set()).add(value)
    return found


def _findings(analysis: Analysis, reasons: Iterable[str]) -> list[Finding]:
    return [finding for subject in analysis.subjects for finding in subject.findings if finding.reason in reasons]


def _words(analysis: Analysis, finding: Finding) -> str:
    return analysis.prompt.text[finding.span.start : finding.span.end].casefold()
