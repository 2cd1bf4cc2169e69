"""`evenhand check`, `test` and `schema`: for those who write rules."""

import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evenhand.cli.console import Format, FormatOption, RulesOption, complain, say, say_json
from evenhand.errors import RuleError

if TYPE_CHECKING:
    from evenhand.casebook import Coverage, Result


class Published(StrEnum):
    RULES = "rules"
    DECISION = "decision"
    DIALECTS = "dialects"
    LOG = "log"


def check(rules: RulesOption = None, output: FormatOption = Format.TEXT) -> None:
    """Check a folder of rules. Prints every problem with file, line and column."""
    from evenhand.rules import shipped_rules
    from evenhand.rules.compile import compile_rules
    from evenhand.rules.load import load_folder

    start = time.perf_counter()
    try:
        loaded = load_folder(rules or shipped_rules())
        ruleset = compile_rules(loaded)
    except RuleError as error:
        if output is Format.JSON:
            say_json({"problems": [_problem(problem) for problem in error.problems]})
            raise typer.Exit(2) from None
        raise
    took_ms = round((time.perf_counter() - start) * 1000)
    summary = {"rules": len(loaded.rules), "phrases": ruleset.phrase_count, "revision": ruleset.revision, "ms": took_ms}
    if output is Format.JSON:
        say_json({"problems": [], **summary})
    else:
        say(f"{len(loaded.rules):,} rules, {ruleset.phrase_count:,} phrases, revision {ruleset.revision}, {took_ms} ms")


def _problem(problem: Any) -> dict[str, Any]:
    names = ("path", "line", "column", "message", "hint")
    return {name: getattr(problem, name) for name in names}


def run_tests(
    cases: Annotated[list[Path] | None, typer.Argument(help="Case files, or folders of them.")] = None,
    rules: RulesOption = None,
    coverage: Annotated[bool, typer.Option("--coverage", help="List rules that decide no case.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Print cases that pass, too.")] = False,
    output: FormatOption = Format.TEXT,
) -> None:
    """Run the examples of all rules, and case files. Exit code 1 where one fails or there is none."""
    from evenhand.casebook import coverage_of, file_cases, rule_cases, run_cases
    from evenhand.engine import Engine
    from evenhand.reporting import coverage_data, results_data
    from evenhand.rules import shipped_rules
    from evenhand.rules.compile import compile_rules
    from evenhand.rules.load import load_folder

    loaded = load_folder(rules or shipped_rules())
    ruleset = compile_rules(loaded)
    results = list(run_cases([*rule_cases(loaded), *file_cases(cases or [])], Engine(ruleset), ruleset))
    covered = coverage_of(loaded, results, ruleset) if coverage else None
    if output is Format.JSON:
        say_json(results_data(results) | ({"coverage": coverage_data(covered)} if covered else {}))
    else:
        _show_results(results, covered, verbose=verbose)
    if not results or not all(result.passed for result in results):
        raise typer.Exit(1)


def _show_results(results: list["Result"], covered: "Coverage | None", *, verbose: bool) -> None:
    from evenhand.reporting import coverage_lines
    from evenhand.showing import result_lines

    for result in results:
        for line in result_lines(result, verbose=verbose):
            say(line)
    for told in coverage_lines(covered) if covered else ():
        say(told)
    if not results:
        complain("evenhand: there are no cases; give rules 'examples', or name a case file")
    passed = sum(result.passed for result in results)
    say(f"{passed} passed, {len(results) - passed} failed")


def schema(what: Annotated[Published, typer.Argument(help="Which JSON Schema to print.")]) -> None:
    """Print the JSON Schema of rule files, dialect files, a decision or a line of the decision log."""
    from evenhand.published import decision_schema, dialects_schema, log_schema, rules_schema

    made = {
        Published.RULES: rules_schema,
        Published.DECISION: decision_schema,
        Published.DIALECTS: dialects_schema,
        Published.LOG: log_schema,
    }
    say_json(made[what]())
