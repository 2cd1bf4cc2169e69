"""`evenhand rewrite` and `evenhand explain`: one prompt in, its decision out."""

import gc
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evenhand.cli.console import Format, FormatOption, RulesOption, SeedOption, refuse, say, say_json
from evenhand.flow import MAX_IMAGES, Decision, Prompt

if TYPE_CHECKING:
    from evenhand.rules.ruleset import Ruleset

TextArgument = Annotated[str | None, typer.Argument(metavar="TEXT|-", help="The prompt; '-' or nothing reads standard input.")]
RouteOption = Annotated[str, typer.Option("--route", help="Decide as on this operation, such as openai.images.edits.")]
TenantOption = Annotated[str, typer.Option("--tenant", help="Decide as for this tenant.")]
ImagesOption = Annotated[int, typer.Option("--images", min=1, max=MAX_IMAGES, help="How many images are asked for.")]


def rewrite(
    text: TextArgument = None,
    images: ImagesOption = 1,
    seed: SeedOption = 0,
    route: RouteOption = "",
    tenant: TenantOption = "",
    rules: RulesOption = None,
    output: FormatOption = Format.TEXT,
) -> None:
    """Print the prompt as it would be sent, one line an image."""
    decision, ruleset = _decide(Prompt(text=_prompt(text), images=images, seed=seed), rules, route=route, tenant=tenant)
    if output is Format.JSON:
        _say_record(decision, ruleset)
        return
    sent = decision.texts if decision.outcome == "rewritten" else ()
    for line in sent or (decision.plan.analysis.prompt.text,) * images:
        say(line)


def explain(
    text: TextArgument = None,
    images: ImagesOption = 1,
    seed: SeedOption = 0,
    route: RouteOption = "",
    tenant: TenantOption = "",
    rules: RulesOption = None,
    output: FormatOption = Format.TEXT,
) -> None:
    """Say why each attribute of each person is varied or left. Names the rule and its place."""
    decision, ruleset = _decide(Prompt(text=_prompt(text), images=images, seed=seed), rules, route=route, tenant=tenant)
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


def _decide(prompt: Prompt, folder: Path | None, *, route: str, tenant: str) -> tuple[Decision, "Ruleset"]:
    from evenhand.engine import Engine
    from evenhand.rules import load_rules
    from evenhand.rules.policies import Policies

    gc.disable()  # one decision, then the process ends: walking 100,000 young phrases over and over costs a sixth of the start
    ruleset = load_rules(folder)
    policy = Policies(ruleset.policy).of(route=route, tenant=tenant)
    longest, length = policy.limits.prompt_chars, len(prompt.text)
    if length > longest:
        refuse(f"the prompt has {length:,} characters; the policy allows {longest:,}; shorten it or raise limits.prompt_chars")
    decision = Engine(ruleset).decide(prompt, policy=policy)
    if policy.mode == "enforce" or decision.outcome != "rewritten":
        return decision, ruleset
    return replace(decision, outcome="shadow" if policy.mode == "shadow" else "opted_out"), ruleset


def _say_record(decision: Decision, ruleset: "Ruleset") -> None:
    from evenhand.engine.record import record

    say_json(record(decision, ruleset))
