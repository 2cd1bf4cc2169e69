"""A Decision, or the results of cases, come in; text for a terminal goes out. Prints nothing itself.

Colours are a terminal's business: rich drops them where the output is no terminal or NO_COLOR is set.
"""

from collections.abc import Iterator, Sequence

from rich.text import Text

from evenhand.casebook import Result
from evenhand.flow import Decision, Draw, Edit, Finding, Ruling, Span, Subject
from evenhand.rules.ruleset import Ruleset

OUTCOMES = {"rewritten": "green", "unchanged": "cyan", "shadow": "yellow", "bypass": "red", "opted_out": "yellow"}
NOTE_WORDS = {
    "collocation": "means something else",
    "source": "is a source or an artist",
    "shown": "is only shown on something",
    "model": "means somebody named elsewhere",
    "body": "is no human being",
    "modifier": "describes a thing",
    "negation": "is wanted absent",
    "weak": "often means no person, and nothing here shows one",
    "owner": "only owns what is drawn",
    "mention": "is mentioned, not drawn",
    "part": "is a part of a body only",
    "quoted": "is text to be drawn",
    "syntax": "is syntax of a prompt tool",
    "url": "is an address or a file name",
    "negative": "is a negative prompt",
    "language": "is in a language without rules here",
}


def explained(decision: Decision, rules: Ruleset) -> Iterator[Text]:
    """Every subject and axis with its state, words, rule and reason; then notes; then the rewrites as diffs."""
    prompt = decision.plan.analysis.prompt.text
    yield Text.assemble(("prompt   ", "dim"), prompt)
    yield Text.assemble(
        ("outcome  ", "dim"), (decision.outcome, OUTCOMES[decision.outcome]), (f"  revision {decision.revision}", "dim")
    )
    if not decision.plan.analysis.subjects:
        yield Text("\nNo person to be drawn was found, so nothing is varied.")
    for subject in decision.plan.analysis.subjects:
        yield Text.assemble("\n", (_cut(prompt, subject.span), "bold"), (f"  {_number(subject)}", "dim"))
        for ruling in decision.plan.rulings:
            if ruling.subject is subject or ruling.subject == subject:
                yield from _ruling(decision, ruling, rules)
    yield from _notes(decision, rules)
    yield from _rewrites(decision)


def _number(subject: Subject) -> str:
    if subject.number is not None:
        return "one person" if subject.number == 1 else f"{subject.number} people"
    return "several people"


def _ruling(decision: Decision, ruling: Ruling, rules: Ruleset) -> Iterator[Text]:
    if not ruling.is_open:
        yield Text.assemble(f"  {ruling.axis:<10}", ("closed", "yellow"))
        for finding in ruling.closed_by:
            yield from _finding(decision, finding, rules)
        return
    yield from _open(decision, ruling)
    for finding in ruling.on_trial:
        yield Text("    on trial, it would be closed by", style="yellow")
        yield from _finding(decision, finding, rules)


def _open(decision: Decision, ruling: Ruling) -> Iterator[Text]:
    values = ["/".join(draw.values) for image in decision.draws for draw in image if _is_of(draw, ruling)]
    drawn = f"  drawn: {', '.join(values)}" if values else "  nothing drawn"
    yield Text.assemble(f"  {ruling.axis:<10}", ("open", "green"), drawn)


def _is_of(draw: Draw, ruling: Ruling) -> bool:
    return draw.ruling.axis == ruling.axis and draw.ruling.subject == ruling.subject


def _finding(decision: Decision, finding: Finding, rules: Ruleset) -> Iterator[Text]:
    words = _cut(decision.plan.analysis.prompt.text, finding.span)
    yield Text.assemble("    ", (f'"{words}"', "bold"), f"  {finding.reason}  ", (_rule(finding.rule, rules), "dim"))
    if finding.rule in rules.why:
        yield Text(f"      {rules.why[finding.rule]}")


def _rule(rule: str, rules: Ruleset) -> str:
    return f"{rule} ({rules.places[rule]})" if rule in rules.places else rule


def _notes(decision: Decision, rules: Ruleset) -> Iterator[Text]:
    notes = decision.plan.analysis.notes
    if notes:
        yield Text("\nLeft alone", style="bold")
    for note in notes:
        words = _cut(decision.plan.analysis.prompt.text, note.span)
        said = NOTE_WORDS.get(note.kind, note.kind)
        shown = words if words[0] in "\"'\u201c\u2018\u00ab" else f'"{words}"'
        yield Text.assemble("  ", (shown, "bold"), f"  {said}  ", (_rule(note.rule, rules), "dim"))
        if note.rule in rules.why:
            yield Text(f"      {rules.why[note.rule]}")


def _rewrites(decision: Decision) -> Iterator[Text]:
    if not decision.texts:
        return
    prompt = decision.plan.analysis.prompt.text
    label = "Rewritten to" if decision.outcome == "rewritten" else "Would be rewritten to"
    yield Text(f"\n{label}", style="bold")
    yield Text.assemble(("- ", "red"), prompt)
    for edits in decision.edits:
        yield Text.assemble(("+ ", "green"), diff(prompt, edits))


def diff(prompt: str, edits: Sequence[Edit]) -> Text:
    """The rewrite with added words marked {+so+} and replaced ones [-so-], whatever the terminal can show."""
    shown, at = Text(), 0
    for edit in sorted(edits, key=lambda edit: edit.span.start):
        shown.append(prompt[at : edit.span.start])
        if edit.span.end > edit.span.start:
            shown.append(f"[-{_cut(prompt, edit.span)}-]", style="red")
        if edit.text:
            kept = edit.text.rstrip(" ")
            shown.append(f"{{+{kept}+}}", style="green").append(edit.text[len(kept) :])
        at = edit.span.end
    return shown.append(prompt[at:])


def _cut(prompt: str, span: Span) -> str:
    return prompt[span.start : span.end]


def result_lines(result: Result, *, verbose: bool) -> Iterator[Text]:
    case = result.case
    topic = f"{case.topic}: " if case.topic else ""
    if result.passed:
        if verbose:
            yield Text.assemble(("PASS ", "green"), f"{case.place}  {topic}{case.example.say}")
        return
    yield Text.assemble(("FAIL ", "bold red"), f"{case.place}  {topic}{case.example.say}")
    for fault in result.faults:
        yield Text(f"       wanted {fault.wanted}, got {fault.got}")
        yield from (Text(f"         {ground}", style="dim") for ground in fault.because)
    if result.decision.texts:
        yield Text(f"         became: {result.decision.texts[0]}", style="dim")
