"""`evenhand score` and `parity`: how good the decisions are, and whether groups are treated alike."""

from pathlib import Path
from typing import Annotated

import typer

from evenhand.cli.console import Format, FormatOption, RulesOption, SeedOption, complain, say, say_json

PercentOption = Annotated[float | None, typer.Option(min=0, max=100, metavar="PERCENT", help="More in any file is exit code 1.")]


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
