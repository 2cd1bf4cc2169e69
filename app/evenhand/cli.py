"""The command `evenhand`: arguments come in, text or JSON and an exit code go out (0 good, 1 found wanting, 2 unusable input).

The only room that prints. spaCy and the web framework are imported by the commands that need them and by no other.
"""

import gc
import json
import os
import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.text import Text

from evenhand import __version__
from evenhand.errors import EvenhandError, RuleError
from evenhand.flow import MAX_IMAGES, Decision, Prompt

if TYPE_CHECKING:
    from evenhand.casebook import Coverage, Result
    from evenhand.rules.ruleset import Ruleset

HELP = "Varies only what an image prompt leaves open, and says why."
MAX_SEED = 2**63 - 1
app = typer.Typer(
    help=HELP,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Format(StrEnum):
    TEXT = "text"
    JSON = "json"


class Published(StrEnum):
    RULES = "rules"
    DECISION = "decision"


RulesOption = Annotated[
    Path | None, typer.Option("--rules", metavar="DIR", envvar="EVENHAND_RULES", help="Folder of rules; else the shipped ones.")
]
FormatOption = Annotated[Format, typer.Option("--format", help="How to print.")]
TextArgument = Annotated[str | None, typer.Argument(metavar="TEXT|-", help="The prompt; '-' or nothing reads standard input.")]
ImagesOption = Annotated[int, typer.Option("--images", min=1, max=MAX_IMAGES, help="How many images are asked for.")]
SeedOption = Annotated[int, typer.Option("--seed", min=0, max=MAX_SEED, help="The same seed draws the same words.")]
HostOption = Annotated[str | None, typer.Option("--host", help="Address of the data port (default 127.0.0.1).")]
PortOption = Annotated[int | None, typer.Option("--port", min=0, max=65_535, help="Data port (default 8080).")]
AdminPortOption = Annotated[int | None, typer.Option("--admin-port", min=0, max=65_535, help="Admin port (default 8081).")]
UpstreamOption = Annotated[str | None, typer.Option("--upstream", metavar="URL", help="Origin of the image API.")]
PercentOption = Annotated[float | None, typer.Option(min=0, max=100, metavar="PERCENT", help="More in any file is exit code 1.")]


def say(line: str | Text = "") -> None:
    Console(soft_wrap=True, highlight=False, markup=False, emoji=False).print(line)


def say_json(data: Any) -> None:
    sys.stdout.write(json.dumps(data, ensure_ascii=False, indent=2) + "\n")


def complain(message: str) -> None:
    Console(stderr=True, soft_wrap=True, highlight=False, markup=False, emoji=False).print(message)


def refuse(message: str) -> NoReturn:
    complain(f"evenhand: {message}")
    raise typer.Exit(2)


def _version(wanted: bool) -> None:
    if wanted:
        say(f"evenhand {__version__}")
        raise typer.Exit


VersionOption = Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")]


@app.callback(help=HELP)
def _root(version: VersionOption = False) -> None:
    """Holds the options that stand before a command."""


@app.command()
def serve(
    host: HostOption = None,
    port: PortOption = None,
    admin_port: AdminPortOption = None,
    upstream: UpstreamOption = None,
    rules: RulesOption = None,
) -> None:
    """Run the sidecar in front of an image API."""
    _serve(host=host, port=port, admin_port=admin_port, upstream=upstream, rules=rules)


@app.command()
def demo(host: HostOption = None, port: PortOption = None, admin_port: AdminPortOption = None, rules: RulesOption = None) -> None:
    """Run the sidecar before a built-in API. It draws each prompt as a card."""
    _serve(host=host, port=port, admin_port=admin_port, rules=rules, demo=True)


def _serve(**flags: Any) -> None:
    from evenhand.proxy.server import run
    from evenhand.settings import load_settings

    run(load_settings(**flags))


@app.command()
def rewrite(
    text: TextArgument = None,
    images: ImagesOption = 1,
    seed: SeedOption = 0,
    rules: RulesOption = None,
    output: FormatOption = Format.TEXT,
) -> None:
    """Print the prompt as it would be sent, one line an image."""
    decision, ruleset = _decide(_prompt(text), images, seed, rules)
    if output is Format.JSON:
        _say_record(decision, ruleset)
        return
    for line in decision.texts or (decision.plan.analysis.prompt.text,) * images:
        say(line)


@app.command()
def explain(
    text: TextArgument = None,
    images: ImagesOption = 1,
    seed: SeedOption = 0,
    rules: RulesOption = None,
    output: FormatOption = Format.TEXT,
) -> None:
    """Say why each attribute of each person is varied or left. Names the rule and its place."""
    decision, ruleset = _decide(_prompt(text), images, seed, rules)
    if output is Format.JSON:
        _say_record(decision, ruleset)
        return
    from evenhand.showing import explained

    for line in explained(decision, ruleset):
        say(line)


def _prompt(text: str | None) -> str:
    if text is None and sys.stdin.isatty():
        refuse("no prompt; give it as an argument, or '-' to read standard input")
    try:
        prompt = sys.stdin.buffer.read().decode("utf-8").removesuffix("\n") if text in (None, "-") else str(text)
        prompt.encode("utf-8")
    except UnicodeError:
        refuse("the prompt is no UTF-8; save or send it as UTF-8")
    if not prompt.strip():
        refuse("the prompt is empty; give it some words")
    return prompt


def _decide(text: str, images: int, seed: int, folder: Path | None) -> tuple[Decision, "Ruleset"]:
    from evenhand.engine import Engine
    from evenhand.rules import load_rules

    gc.disable()  # one decision, then the process ends: walking 100,000 young phrases over and over costs a sixth of the start
    ruleset = load_rules(folder)
    longest = ruleset.policy.limits.prompt_chars
    if len(text) > longest:
        refuse(f"the prompt has {len(text):,} characters; the policy allows {longest:,}; shorten it or raise limits.prompt_chars")
    return Engine(ruleset).decide(Prompt(text=text, images=images, seed=seed)), ruleset


def _say_record(decision: Decision, ruleset: "Ruleset") -> None:
    from evenhand.engine.record import record

    say_json(record(decision, ruleset))


@app.command()
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


@app.command("test")
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


@app.command()
def score(
    gold: Annotated[list[Path], typer.Argument(metavar="GOLD...", help="JSON lines: id, prompt, subjects with labelled axes.")],
    rules: RulesOption = None,
    seed: SeedOption = 0,
    show: Annotated[int, typer.Option("--show", min=0, help="How many prompts with errors to print, the worst first.")] = 10,
    max_harm: PercentOption = None,
    max_idle: PercentOption = None,
    output: FormatOption = Format.TEXT,
) -> None:
    """Score decisions on labelled prompts. Prints harm, idle, served, mangled; exit code 1 above a limit."""
    from evenhand.engine import Engine
    from evenhand.gold import read_gold
    from evenhand.reporting import exceeded, score_data, score_lines
    from evenhand.rules import load_rules
    from evenhand.scoring import score_of

    golds = [(str(path), read_gold(path)) for path in gold]
    engine = Engine(load_rules(rules))
    scores = [score_of(path, rows, engine, seed=seed) for path, rows in golds]
    over = [line for each in scores for line in exceeded(each, max_harm=max_harm, max_idle=max_idle)]
    if output is Format.JSON:
        files = [score_data(each, show=show) for each in scores]
        say_json({"revision": engine.rules.revision, "files": files, "exceeded": over})
    else:
        for line in (line for each in scores for line in score_lines(each, show=show)):
            say(line)
    for line in over:
        complain(f"evenhand: {line}")
    if over:
        raise typer.Exit(1)


@app.command()
def parity(
    rules: RulesOption = None,
    carriers: Annotated[Path | None, typer.Option("--carriers", metavar="FILE", help="Carrier prompts; else ours.")] = None,
    show: Annotated[int, typer.Option("--show", min=0, help="How many prompts to print a term.")] = 3,
    output: FormatOption = Format.TEXT,
) -> None:
    """Find demographic terms treated unlike their fellows. Puts all through the same prompts; exit code 1 where one differs."""
    from evenhand.engine import Engine
    from evenhand.parity import SHIPPED, read_carriers, run_parity, terms_of
    from evenhand.reporting import parity_data, parity_lines
    from evenhand.rules import shipped_rules
    from evenhand.rules.compile import compile_rules
    from evenhand.rules.load import load_folder

    data = read_carriers(carriers or SHIPPED)
    loaded = load_folder(rules or shipped_rules())
    found = run_parity(terms_of(loaded, data), Engine(compile_rules(loaded)), data)
    if output is Format.JSON:
        say_json(parity_data(found))
    else:
        for line in parity_lines(found, show=show):
            say(line)
    if found.unknown:
        raise typer.Exit(1)


@app.command()
def schema(what: Annotated[Published, typer.Argument(help="Which JSON Schema to print.")]) -> None:
    """Print the JSON Schema of rule files or of a decision."""
    from evenhand.published import decision_schema, rules_schema

    say_json(rules_schema() if what is Published.RULES else decision_schema())


def main() -> None:
    """Runs the command; whatever goes wrong ends in a sentence and an exit code, never in a traceback."""
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except EvenhandError as error:
        complain(str(error))
        sys.exit(2)
    except Exception as error:
        if os.environ.get("EVENHAND_DEBUG"):
            raise
        complain(f"evenhand: a fault of ours: {type(error).__name__}: {error}; EVENHAND_DEBUG=1 shows where")
        sys.exit(1)
