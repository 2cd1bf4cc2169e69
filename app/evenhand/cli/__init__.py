"""The command `evenhand`: arguments come in, text or JSON and an exit code go out (0 good, 1 found wanting, 2 unusable input).

The only room that prints. spaCy and the web framework are imported by the commands that need them and by no other.
"""

import os
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from evenhand import __version__
from evenhand.cli import corpora, deciding, dialecting, doctor, measuring, operating, probing, ruling, serving
from evenhand.cli.console import complain, say
from evenhand.errors import EvenhandError

HELP = "Varies only what an image prompt leaves open, and says why."
app = typer.Typer(
    help=HELP,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        say(f"evenhand {__version__}")
        raise typer.Exit


VersionOption = Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")]


@app.callback(help=HELP)
def _root(version: VersionOption = False) -> None:
    """Holds the options that stand before a command."""


COMMANDS: dict[str, Callable[..., None]] = {
    "serve": serving.serve,
    "demo": serving.demo,
    "rewrite": deciding.rewrite,
    "explain": deciding.explain,
    "batch": corpora.batch,
    "check": ruling.check,
    "test": ruling.run_tests,
    "score": measuring.score,
    "parity": measuring.parity,
    "diff": operating.diff,
    "report": operating.report,
    "probe": probing.probe,
    "doctor": doctor.doctor,
    "schema": ruling.schema,
}
for _name, _command in COMMANDS.items():
    app.command(_name)(_command)
app.add_typer(dialecting.app, name="dialects")


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
