"""Plans and figures come in; the sentences said about them go out, the same on the page and on the terminal."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from math import ceil

from evenhand.probe.figures import Axis, Figures
from evenhand.probe.judging import ALPHA, Compared
from evenhand.probe.plan import Ask
from evenhand.probe.sending import Course
from evenhand.probe.statistics import detectable

PLOTS = {"refusals": "Refusals", "errors": "Errors", "drift": "Persons changed by the API's own revised prompt"}
_HAPPENED = {"refusals": "is refused", "errors": "ends in an error", "drift": "is changed by the revised prompt"}
_LEFT = {
    "told": "Stopped as you asked.",
    "budget": "The budget is used up.",
    "key": "The API refuses the key ({detail}); name the variable that holds a good one with --key-env.",
    "address": "There is no image API at this address ({detail}); look at --url and --path.",
    "trouble": "The API failed five times in a row ({detail}); those answers are not counted. Wait until it is well.",
    "fields": "The API takes none of these requests ({detail}); look at --model and --field. Those answers are not counted.",
    "rate": "The API wants fewer requests ({detail}); lower --rate, or wait.",
    "unreachable": "Nothing answers at --url; start the sidecar there, or name another address.",
}


def course_line(course: Course, left: int) -> str:
    """Why the sending ended early; empty where it did not."""
    if course.why == "done":
        return ""
    return f"{_LEFT[course.why].format(detail=course.detail)} {left:,} requests are left; the same command with --resume goes on."


def plan_lines(asks: Sequence[Ask], *, rate: float, price: float | None) -> Iterator[str]:
    """What would be sent: by set and group, how long it takes, and what it costs."""
    sets: dict[str, Counter[str]] = {}
    for ask in asks:
        sets.setdefault(ask.set, Counter())[ask.value] += 1
    for name in sorted(sets):
        groups = sets[name]
        told = ", ".join(f"{value} {number}" for value, number in sorted(groups.items())) if any(groups) else "not compared"
        yield f"{name}: {sum(groups.values()):,} requests ({told})"
    yield from power_lines(asks)
    yield cost_line(len(asks), rate=rate, price=price)


def power_lines(asks: Sequence[Ask]) -> Iterator[str]:
    """What refusals could be found, were everybody else refused nothing."""
    counts = Counter((ask.axis, ask.half, ask.value) for ask in asks if ask.axis)
    for axis in sorted({axis for axis, _, _ in counts}):
        sizes = [number for (name, _, _), number in counts.items() if name == axis]
        half = [number for (name, one, _), number in counts.items() if name == axis and one == asks[0].half]
        needed = detectable(min(sizes), max(1, sum(half) - min(sizes)), 0, alpha=ALPHA / len(counts))
        told = (
            f"a group is found that is refused {needed:.0%} of the time" if needed else "nothing can be found; raise --per-group"
        )
        yield f"{axis}: with {min(sizes):,} prompts a group, {told}"


def cost_line(number: int, *, rate: float, price: float | None) -> str:
    money = f", {number * price:,.2f} at {price:g} each" if price is not None else ""
    return f"cost: {number:,} requests for one picture each{money}; at {rate:g} a second at least {span(number / rate)}"


def span(seconds: float) -> str:
    return str(timedelta(seconds=ceil(seconds)))


def verdict_line(figures: Figures) -> str:
    if not figures.coverage.answered:
        return "Nothing was answered."
    number = len({(axis.axis, one.value) for axis, one in figures.flagged})
    if number:
        return "One group stands out." if number == 1 else f"{number} groups stand out."
    return "No group stands out."


def worst_lines(figures: Figures) -> list[str]:
    return [_finding(axis, one) for axis, one in figures.flagged]


def _finding(axis: Axis, one: Compared) -> str:
    often = "more" if one.verdict == "more" else "less"
    rates = f"{one.here.share:.0%} against {one.others.share:.0%} of the others"
    between = f"{one.low * 100:+.0f} to {one.high * 100:+.0f} points"
    return f"{axis.axis} '{one.value}' {_HAPPENED[axis.measure]} {often} often ({axis.half}): {rates}, {between}, p {one.p:.2g}"
