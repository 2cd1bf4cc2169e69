"""What is printed of a comparison: figures, rules with their places, prompts on one line whatever they hold."""

from evenhand.asked import Asked, Skipped
from evenhand.comparing import Change, Changed, Comparison, Group
from evenhand.contrast import comparison_data, comparison_lines, skipped_lines
from evenhand.flow import Prompt
from evenhand.logged import Unread
from evenhand.rules import Ruleset


def comparison(rules: Ruleset) -> Comparison:
    change = Change(
        kind="closed", head="doctor", axis="gender", rules=("roles/workers",), before="open", after="closed by roles/workers"
    )
    changed = Changed(
        asked=Asked(prompt=Prompt(text="a doctor\x1b[31m\nat work", seed=3)), changes=(change,), before="a b", after="a c"
    )
    group = Group(rule="roles/workers", prompts=1_500, kinds={"closed": 1_500}, examples=[changed])
    return Comparison(old=rules, new=rules, prompts=2_000, changed=1_500, reasoned=1, by_rule={group.rule: group})


def test_lines(small_rules: Ruleset) -> None:
    lines = list(comparison_lines(comparison(small_rules), Skipped(erased=7)))
    revision = small_rules.revision
    assert lines[:3] == [
        f"old {revision}, new {revision}: 1,500 of 2,000 prompts decided otherwise",
        "1 prompt decided alike, but by other rules",
        "7 lines had the prompt erased and can't be compared; EVENHAND_DECISION_LOG_PROMPTS=true keeps prompts from now on",
    ]
    assert lines[3].startswith("\nroles/workers (")
    assert lines[3].endswith("roles.yaml:3): 1,500 prompts (closed 1,500)")
    assert lines[4:] == [
        "  a doctor\\x1b[31m\\nat work",
        "      'doctor' gender: open -> closed by roles/workers",
        "    - a b",
        "    + a c",
        "  1,499 more; --show N prints N of each rule",
    ]


def test_data(small_rules: Ruleset) -> None:
    data = comparison_data(comparison(small_rules), Skipped())
    assert (data["prompts"], data["changed"], data["decided_alike_by_other_rules"]) == (2_000, 1_500, 1)
    (rule,) = data["rules"]
    assert (rule["rule"], rule["prompts"], rule["kinds"]) == ("roles/workers", 1_500, {"closed": 1_500})
    assert rule["examples"][0]["changes"][0]["after"] == "closed by roles/workers"


def test_everything_skipped_is_told() -> None:
    unread = Unread(source="log", number=4, why="the line is no JSON")
    told = list(skipped_lines(Skipped(empty=1, too_long=2, unread=30, first_unread=[unread])))
    assert told == [
        "1 line never had a prompt (bypassed or opted out)",
        "2 lines had a prompt longer than the policies allow",
        "log:4: the line is no JSON",
        "30 lines could not be read in all",
    ]
    assert list(skipped_lines(Skipped())) == []
