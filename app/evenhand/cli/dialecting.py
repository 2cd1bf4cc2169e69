"""`evenhand dialects`: the image APIs that are guarded, what each can do, and a try-out of a request body."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evenhand.cli.console import Format, FormatOption, RulesOption, SeedOption, complain, refuse, say, say_json

if TYPE_CHECKING:
    from evenhand.dialects.spec import Dialect, Operation
    from evenhand.trying import Trial

app = typer.Typer(help="List the image APIs that are guarded, or try a request body.", rich_markup_mode=None)
FolderOption = Annotated[
    Path | None,
    typer.Option("--folder", metavar="DIR", envvar="EVENHAND_DIALECT_FOLDER", help="Your own dialect files, beside the shipped."),
]


@app.callback(invoke_without_command=True)
def dialects(context: typer.Context, folder: FolderOption = None, output: FormatOption = Format.TEXT) -> None:
    """List every guarded operation with its abilities."""
    if context.invoked_subcommand is not None:
        return
    from evenhand.dialects.load import load_dialects

    found = load_dialects(folder)
    if output is Format.JSON:
        say_json([_data(dialect) for dialect in found])
        return
    rows = [_HEADINGS, *(_row(dialect, operation) for dialect in found for operation in dialect.operations)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    for row in rows:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    say()
    say(f"{len(rows) - 1} operations in {len(found)} dialects; * where an upstream's host or EVENHAND_DIALECTS names the dialect")


_HEADINGS = ["operation", "path", "n images", "input image", "own rewriter", "answer says"]


def _row(dialect: "Dialect", operation: "Operation") -> list[str]:
    answer = operation.answer
    return [
        operation.id + ("" if dialect.usual else " *"),
        f"{operation.method} {', '.join([operation.path, *operation.also])}",
        "split" if operation.can_split else "shared",
        "always" if operation.input_image is True else "maybe" if operation.input_image else "",
        ", ".join(each.at for each in operation.rewriters),
        (answer.revised_prompt or "") if answer else "",
    ]


def _data(dialect: "Dialect") -> dict[str, Any]:
    operations = [{**each.model_dump(exclude_defaults=True), "splits": each.can_split} for each in dialect.operations]
    return {**dialect.model_dump(exclude={"operations"}), "operations": operations}


@app.command("try")
def try_body(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A request body: JSON, or a form as it is sent.")],
    path: Annotated[str, typer.Option("--path", help="The path it is sent to, such as /v1/images/generations.")],
    method: Annotated[str, typer.Option("--method")] = "POST",
    content_type: Annotated[str, typer.Option("--content-type")] = "application/json",
    dialect: Annotated[str, typer.Option("--dialect", help="Which one, where it is not one of the usual.")] = "",
    folder: FolderOption = None,
    rules: RulesOption = None,
    seed: SeedOption = 0,
    output: FormatOption = Format.TEXT,
) -> None:
    """Show what would be read of a request body, decided and written. Exit code 1 where nothing would be guarded."""
    from evenhand.dialects.load import load_dialects
    from evenhand.engine import Engine
    from evenhand.rules import load_rules
    from evenhand.trying import operations_at, passing_at, tried

    known = [each for each in load_dialects(folder) if (each.id == dialect if dialect else each.usual)]
    if not known:
        refuse(f"there is no dialect '{dialect}'; `evenhand dialects` lists them")
    found = operations_at(known, method, path)
    if not found:
        passing = passing_at(known, method, path)
        complain(f"evenhand: {method} {path} " + (f"is passed on unread ({passing.id})" if passing else "stands in no dialect"))
        raise typer.Exit(1)
    body = _read(file)
    trial = tried(body, found[0], Engine(load_rules(rules)), path=path, content_type=content_type, seed=seed)
    if output is Format.JSON:
        say_json(_trial(trial))
    else:
        _show(trial, others=[each.id for each, _ in found[1:]])
    if not trial.decisions:
        raise typer.Exit(1)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as fault:
        refuse(f"'{file}' can't be read: {(fault.strerror or str(fault)).lower()}")


def _trial(trial: "Trial") -> dict[str, Any]:
    reading = trial.reading
    return {
        "dialect": trial.dialect.id,
        "operation": trial.operation.id,
        "asks_images": reading.asks_images,
        "prompts": [
            {"at": place.pointer, "text": place.text, "outcome": decision.outcome, "rewrites": list(decision.texts)}
            for place, decision in zip(reading.prompts, trial.decisions, strict=True)
        ],
        "images": reading.images,
        "splits": reading.can_split,
        "seed": reading.seed,
        "streams": reading.streams,
        "input_image": reading.has_input_image,
        "rewriters": [each.at for each in reading.rewriters],
        "written": trial.written.decode("utf-8", "replace"),
    }


def _show(trial: "Trial", *, others: list[str]) -> None:
    data = _trial(trial)
    say(f"operation    {data['operation']}" + (f"  (also listed by: {', '.join(others)})" if others else ""))
    if not data["asks_images"]:
        say("no image     the request asks for none and passes unread")
        return
    for prompt in data["prompts"]:
        say(f"{prompt['at']}  {prompt['outcome']}")
        say(f"  read       {prompt['text']}")
        for text in prompt["rewrites"]:
            say(f"  written    {text}")
    say(f"images       {data['images']}" + (", one request each" if data["splits"] and data["images"] > 1 else ""))
    if data["input_image"]:
        say("input image  yes: the policy's `input_images` decides, which is shadow unless told otherwise")
    for place in data["rewriters"]:
        say(f"rewriter     {place} is on at the image API and may undo ours")
    say(f"body         {data['written']}")
