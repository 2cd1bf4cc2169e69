"""`evenhand diff` and `evenhand report`: what a change of rules would alter, and what a log of decisions tells."""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evenhand.cli.console import Format, FormatOption, RulesOption, complain, refuse, say, say_json

if TYPE_CHECKING:
    from evenhand.asked import Asked, Skipped
    from evenhand.report.figures import Figures
    from evenhand.rules.load import LoadedRules

PROGRESS_S = 60
FolderArgument = Annotated[Path, typer.Argument(metavar="DIR", help="A folder of rules.")]


def diff(
    old: FolderArgument,
    new: FolderArgument,
    log: Annotated[
        list[str] | None, typer.Option("--log", metavar="LOG", help="Decision log, batch output, Parquet file, or database URL.")
    ] = None,
    cases: Annotated[list[Path] | None, typer.Option("--cases", metavar="PATH", help="Case file, or a folder of them.")] = None,
    show: Annotated[int, typer.Option("--show", min=0, help="How many prompts to print a rule.")] = 3,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Processes for long logs; else one a core.")] = None,
    output: FormatOption = Format.TEXT,
) -> None:
    """Tell which decisions a change of rules alters. Takes the rules' own examples unless told; exit code 1 on change."""
    from evenhand.asked import Skipped
    from evenhand.contrast import comparison_data, comparison_lines
    from evenhand.many import compare_many
    from evenhand.rules.compile import compile_rules
    from evenhand.rules.load import load_folder

    loaded = [load_folder(folder) for folder in (old, new)]
    skipped = Skipped()
    asked = _asked(loaded, log, cases, skipped)
    found = compare_many(asked, *map(compile_rules, loaded), show=show, workers=workers, tell=_progress())
    if output is Format.JSON:
        say_json(comparison_data(found, skipped))
    else:
        for line in comparison_lines(found, skipped):
            say(line)
    if not found.prompts:
        refuse("there is no prompt to compare; name a log that keeps prompts, case files, or rules with examples")
    if found.changed:
        raise typer.Exit(1)


def _progress() -> Callable[[int], None]:
    """A line every minute, for those who watch."""
    said = time.monotonic()

    def tell(prompts: int) -> None:
        nonlocal said
        if time.monotonic() - said >= PROGRESS_S and sys.stderr.isatty():
            said = time.monotonic()
            complain(f"{prompts:,} prompts compared")

    return tell


def _asked(loaded: list["LoadedRules"], log: list[str] | None, cases: list[Path] | None, skipped: "Skipped") -> Iterator["Asked"]:
    from evenhand.asked import case_prompts, folded, log_prompts
    from evenhand.casebook import file_cases, rule_cases

    longest = min(each.policy.limits.prompt_chars for each in loaded)
    if not (log or cases):
        yield from case_prompts(case for each in loaded for case in rule_cases(each))
    yield from case_prompts(file_cases(cases or []))
    yield from folded(log_prompts(log or [], skipped, longest=longest))


def report(
    logs: Annotated[list[str], typer.Argument(metavar="LOG...", help="Decision logs (also .gz), batch output, database URLs.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the page goes.")] = Path("report.html"),
    rules: RulesOption = None,
    output: FormatOption = Format.TEXT,
) -> None:
    """Make a page with pictures of what a decision log holds. The targets are those of the rules."""
    from evenhand.asked import logged
    from evenhand.logged import is_known
    from evenhand.report.figures import figures_of
    from evenhand.report.gather import gather
    from evenhand.rules import load_rules

    page_of = _page_maker() if output is Format.TEXT else None
    ruleset = load_rules(rules)
    found = gather((line for log in logs for line in logged(log)), lambda word: is_known(word, ruleset))
    if not found.lines.lines:
        told = f"; the first of {found.unread_lines:,} unreadable lines: {found.unread[0].why}" if found.unread else ""
        refuse(f"there is no decision in {', '.join(map(_shown, logs))}{told}")
    targets = {str(axis): shares for axis, shares in ruleset.policy.axes.items()}
    figures = figures_of(found, sources=tuple(map(_shown, logs)), targets=targets, revision=ruleset.revision)
    if page_of is None:
        say_json(asdict(figures))
        return
    _write(out, page_of(figures))
    say(f"{out}: {found.lines.lines:,} lines, {found.unread_lines:,} could not be read")


def _page_maker() -> "Callable[[Figures], str]":
    """matplotlib and Jinja come with the extra `report` only."""
    try:
        from evenhand.report.page import page_of
    except ImportError:
        refuse("the page needs matplotlib and Jinja; install them with: pip install 'evenhand[report]', or use --format json")
    return page_of


def _shown(place: str) -> str:
    """A database without its user and password."""
    return f"{place.split('://')[0]}://{place.rpartition('@')[2].split('://')[-1].split('?')[0]}" if "://" in place else place


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", errors="replace")
    except OSError as fault:
        refuse(f"'{path}' can't be written: {(fault.strerror or 'it failed').lower()}; name another file with --out")
