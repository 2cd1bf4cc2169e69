"""Results of cases, scores, parity and coverage come in; lines of text and plain data for JSON go out. Prints nothing itself."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from evenhand.casebook import Coverage, Result
from evenhand.parity import Odd, Parity, shape_text
from evenhand.scoring import Judged, Score


def score_lines(score: Score, *, show: int) -> Iterator[str]:
    """The figures first, then the worst `show` prompts with what went wrong and which rules were behind it."""
    yield f"{score.path}: {_figures(score)}"
    broken = ", ".join(f"{label} {tally.varied}" for label, tally in _violated(score).items())
    yield f"  closed axes {score.closed.axes}, varied {score.closed.varied}{f' ({broken})' if broken else ''}"
    yield f"  open axes {score.open.axes}, varied {score.open.varied}"
    errors = score.errors
    for judged in errors[:show]:
        yield from _error_lines(judged)
    if len(errors) > show:
        yield f"  {len(errors) - show} more prompts with errors; --show {len(errors)} prints all"


def _figures(score: Score) -> str:
    shares = f"harm {score.harm:.2%}  idle {score.idle:.2%}  served {score.served:.2%}"
    return f"{len(score.judged)} prompts  {shares}  mangled {score.mangled}"


def _violated(score: Score) -> dict[str, Any]:
    return {label or "no subject": tally for label, tally in score.by_label.items() if label != "open" and tally.varied}


def _error_lines(judged: Judged) -> Iterator[str]:
    yield f"\n{judged.gold.place}  {judged.gold.row.id}  {judged.gold.row.prompt}"
    yield from (f"  -> {text}" for text in judged.decision.texts)
    if judged.is_mangled:
        yield "  MANGLED words of the prompt were lost or reordered"
    for because, axes in groupby((*judged.harms, *judged.idles), key=lambda axis: axis.because):
        yield from (f"  {'HARM' if axis.is_harm else 'idle'} {axis}" for axis in axes)
        yield from (f"       {ground}" for ground in because)


def score_data(score: Score, *, show: int) -> dict[str, Any]:
    closed = {label or "no_subject": tally for label, tally in score.by_label.items() if label != "open"}
    return {
        "path": score.path,
        "prompts": len(score.judged),
        "harm": score.harm,
        "idle": score.idle,
        "served": score.served,
        "mangled": score.mangled,
        "closed_axes": score.closed.axes,
        "violated": score.closed.varied,
        "open_axes": score.open.axes,
        "filled": score.open.varied,
        "by_reason": {label: {"axes": tally.axes, "varied": tally.varied} for label, tally in closed.items()},
        "errors": [_error_data(judged) for judged in score.errors[:show]],
    }


def _error_data(judged: Judged) -> dict[str, Any]:
    errors = [
        {"error": "harm" if axis.is_harm else "idle", "head": axis.head, "axis": axis.axis, "label": axis.label or "no_subject"}
        | {"because": list(axis.because)}
        for axis in (*judged.harms, *judged.idles)
    ]
    row = judged.gold.row
    return {
        "id": row.id,
        "place": str(judged.gold.place),
        "prompt": row.prompt,
        "rewrites": list(judged.decision.texts),
        "mangled": judged.is_mangled,
        "axes": errors,
    }


def exceeded(score: Score, *, max_harm: float | None, max_idle: float | None) -> list[str]:
    """Limits are percentages."""
    limits = (("harm", score.harm, max_harm), ("idle", score.idle, max_idle))
    return [
        f"{score.path}: {name} {share:.2%} is above the limit of {limit:g} %"
        for name, share, limit in limits
        if limit is not None and share * 100 > limit
    ]


def parity_lines(parity: Parity, *, show: int) -> Iterator[str]:
    """Exceptions by term with the rule's place, then those listed as known but not met, then the figures."""
    for term, odds in parity.unknown.items():
        yield f"{term.place}  '{term.text}' ({term.rule}) is treated unlike its fellows in {_counted(len(odds), 'carrier')}"
        for odd in odds[:show]:
            yield from _odd_lines(odd)
        if 0 < show < len(odds):
            yield f"  {len(odds) - show} more"
    for known in parity.stale:
        yield f"no longer an exception: {', '.join(known.terms) or known.rule or 'all terms'} ({known.why})"
    accepted = sum(odd.known is not None for odd in parity.odds)
    new = f"{_counted(len(parity.odds) - accepted, 'exception')} in {_counted(len(parity.unknown), 'term')}"
    yield f"{parity.terms:,} terms, {parity.prompts:,} prompts: {new}, {accepted:,} known"


def _odd_lines(odd: Odd) -> Iterator[str]:
    yield f"  {odd.trial.decision.plan.analysis.prompt.text}"
    yield f"    usual: {shape_text(odd.usual)}"
    yield f"    here:  {shape_text(odd.trial.shape)}"
    yield from (f"      {ground}" for ground in odd.because)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def parity_data(parity: Parity) -> dict[str, Any]:
    return {
        "terms": parity.terms,
        "prompts": parity.prompts,
        "exceptions": [_odd_data(odd) for odd in parity.odds if odd.known is None],
        "known": [_odd_data(odd) | {"why": odd.known} for odd in parity.odds if odd.known is not None],
        "stale": [known.model_dump(mode="json") for known in parity.stale],
    }


def _odd_data(odd: Odd) -> dict[str, Any]:
    term = odd.trial.term
    return {
        "term": term.text,
        "rule": term.rule,
        "place": str(term.place),
        "carrier": odd.trial.carrier,
        "prompt": odd.trial.decision.plan.analysis.prompt.text,
        "usual": shape_text(odd.usual),
        "here": shape_text(odd.trial.shape),
        "because": list(odd.because),
    }


def coverage_lines(coverage: Coverage) -> Iterator[str]:
    for name, place in coverage.untested.items():
        yield f"UNTESTED {place}  {name} decides no case"
    met = coverage.rules - len(coverage.untested)
    yield f"{met} of {coverage.rules} rules decide a case ({coverage.share:.1%}); {len(coverage.untested)} decide none"


def coverage_data(coverage: Coverage) -> dict[str, Any]:
    untested = [{"rule": name, "place": str(place)} for name, place in coverage.untested.items()]
    return {"rules": coverage.rules, "share": coverage.share, "untested": untested}


def results_data(results: Sequence[Result]) -> dict[str, Any]:
    cases = [
        {
            "place": str(result.case.place),
            "topic": result.case.topic,
            "say": result.case.example.say,
            "passed": result.passed,
            "faults": [str(fault) for fault in result.faults],
        }
        for result in results
    ]
    passed = sum(result.passed for result in results)
    return {"passed": passed, "failed": len(results) - passed, "cases": cases}
