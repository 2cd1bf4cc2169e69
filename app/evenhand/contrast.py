"""A comparison of two rulesets comes in; lines of text, or plain data for JSON, go out. Prints nothing itself."""

from collections.abc import Iterator
from typing import Any

from evenhand.asked import Skipped
from evenhand.comparing import KINDS, Change, Changed, Comparison, Group

VERBS = {
    "opened": "opened",
    "closed": "closed",
    "appeared": "found as a person",
    "vanished": "no longer found as a person",
    "drawn": "only drawn or worded otherwise",
}


def comparison_lines(found: Comparison, skipped: Skipped) -> Iterator[str]:
    """The figures, then each rule with what it changed and a few of its prompts."""
    yield f"old {found.old.revision}, new {found.new.revision}: {found.changed:,} of {_prompts(found.prompts)} decided otherwise"
    if found.reasoned:
        yield f"{_prompts(found.reasoned)} decided alike, but by other rules"
    yield from skipped_lines(skipped)
    for group in found.groups:
        kinds = ", ".join(f"{VERBS[kind]} {group.kinds[kind]:,}" for kind in KINDS if kind in group.kinds)
        yield f"\n{found.standing(group.rule)}: {_prompts(group.prompts)} ({kinds})"
        for changed in group.examples:
            yield from _changed_lines(changed, group.rule)
        shown = sum(changed.asked.times for changed in group.examples)
        if 0 < shown < group.prompts:
            yield f"  {group.prompts - shown:,} more; --show N prints N of each rule"


def skipped_lines(skipped: Skipped) -> Iterator[str]:
    if skipped.erased:
        fix = "EVENHAND_DECISION_LOG_PROMPTS=true keeps prompts from now on"
        yield f"{_lines(skipped.erased)} had the prompt erased and can't be compared; {fix}"
    if skipped.empty:
        yield f"{_lines(skipped.empty)} never had a prompt (bypassed or opted out)"
    if skipped.too_long:
        yield f"{_lines(skipped.too_long)} had a prompt longer than the policies allow"
    for unread in skipped.first_unread:
        yield f"{unread.source}:{unread.number}: {unread.why}"
    if skipped.unread > len(skipped.first_unread):
        yield f"{_lines(skipped.unread)} could not be read in all"


def _changed_lines(changed: Changed, rule: str) -> Iterator[str]:
    yield f"  {_plain(changed.asked.prompt.text)}"
    for change in changed.changes:
        if rule in change.rules:
            yield f"      {_change_line(change)}"
    if changed.before != changed.after:
        yield f"    - {_plain(changed.before)}"
        yield f"    + {_plain(changed.after)}"


def _change_line(change: Change) -> str:
    if not change.head:
        return "the same axes, drawn or worded otherwise"
    return f"'{_plain(change.head)}'{f' {change.axis}' if change.axis else ''}: {change.before} -> {change.after}"


def _plain(text: str) -> str:
    """On one line, and harmless to a terminal."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def _prompts(number: int) -> str:
    return f"{number:,} prompt{'' if number == 1 else 's'}"


def _lines(number: int) -> str:
    return f"{number:,} line{'' if number == 1 else 's'}"


def comparison_data(found: Comparison, skipped: Skipped) -> dict[str, Any]:
    return {
        "old": found.old.revision,
        "new": found.new.revision,
        "prompts": found.prompts,
        "changed": found.changed,
        "decided_alike_by_other_rules": found.reasoned,
        "skipped": {
            "erased": skipped.erased,
            "empty": skipped.empty,
            "too_long": skipped.too_long,
            "unread": skipped.unread,
            "first_unread": [{"source": each.source, "line": each.number, "why": each.why} for each in skipped.first_unread],
        },
        "rules": [_group_data(group, found) for group in found.groups],
    }


def _group_data(group: Group, found: Comparison) -> dict[str, Any]:
    places = [rules.places.get(group.rule) for rules in (found.old, found.new)]
    return {
        "rule": group.rule,
        "old_place": str(places[0]) if places[0] else None,
        "new_place": str(places[1]) if places[1] else None,
        "prompts": group.prompts,
        "kinds": dict(group.kinds),
        "examples": [_changed_data(changed) for changed in group.examples],
    }


def _changed_data(changed: Changed) -> dict[str, Any]:
    changes = [
        {"kind": each.kind, "head": each.head, "axis": each.axis, "rules": list(each.rules)}
        | {"before": each.before, "after": each.after}
        for each in changed.changes
    ]
    asked = changed.asked
    return {"prompt": asked.prompt.text, "seed": asked.prompt.seed, "changes": changes} | {
        "before": changed.before,
        "after": changed.after,
    }
