"""What all commands share: how they print, how they refuse, and the options many of them take."""

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.text import Text

MAX_SEED = 2**63 - 1


class Format(StrEnum):
    TEXT = "text"
    JSON = "json"


RulesOption = Annotated[
    Path | None, typer.Option("--rules", metavar="DIR", envvar="EVENHAND_RULES", help="Folder of rules; else the shipped ones.")
]
FormatOption = Annotated[Format, typer.Option("--format", help="How to print.")]
SeedOption = Annotated[int, typer.Option("--seed", min=0, max=MAX_SEED, help="The same seed draws the same words.")]


def say(line: str | Text = "") -> None:
    Console(soft_wrap=True, highlight=False, markup=False, emoji=False).print(line)


def say_json(data: Any) -> None:
    sys.stdout.write(json.dumps(data, ensure_ascii=False, indent=2) + "\n")


def complain(message: str) -> None:
    Console(stderr=True, soft_wrap=True, highlight=False, markup=False, emoji=False).print(message)


def refuse(message: str) -> NoReturn:
    complain(f"evenhand: {message}")
    raise typer.Exit(2)
