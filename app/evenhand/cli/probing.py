"""`evenhand probe`: sets of sentences go through a sidecar to an image API, politely; a report says how groups are treated."""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evenhand.cli.console import Format, FormatOption, RulesOption, SeedOption, complain, refuse, say

if TYPE_CHECKING:
    from evenhand.probe.asking import Api
    from evenhand.probe.figures import Figures
    from evenhand.probe.journal import Found, Journal
    from evenhand.probe.plan import Ask, Half
    from evenhand.probe.reading import Answer
    from evenhand.probe.sending import Course
    from evenhand.probe.sets import ProbeSet

LINE_EVERY_S = 30.0
BROKEN_OFF = 130

OutOption = Annotated[Path, typer.Option("--out", metavar="DIR", help="Where answers.jsonl, report.html, report.json go.")]
UrlOption = Annotated[str, typer.Option("--url", metavar="URL", help="Origin of the sidecar.")]
OperationOption = Annotated[str, typer.Option("--operation", metavar="ID", help="One that takes a plain prompt in JSON.")]
PathOption = Annotated[str | None, typer.Option("--path", metavar="PATH", help="Where the operation's own has names to fill in.")]
FieldOption = Annotated[list[str] | None, typer.Option("--field", metavar="NAME=VALUE", help="More of the body; wins over ours.")]
HeaderOption = Annotated[list[str] | None, typer.Option("--header", metavar="'NAME: VALUE'", help="Sent along; never kept.")]
KeyEnvOption = Annotated[str | None, typer.Option("--key-env", metavar="NAME", help="Environment variable of the API key.")]
KeyHeaderOption = Annotated[str, typer.Option("--key-header", metavar="NAME", help="Where the key goes; else as a bearer token.")]
SetsOption = Annotated[str | None, typer.Option("--sets", metavar="A,B|all", help="Which sets; else the default ones.")]
DataOption = Annotated[Path | None, typer.Option("--data", metavar="FILE", help="Sets of your own; else the shipped ones.")]
PerGroupOption = Annotated[int, typer.Option("--per-group", min=1, max=1000, help="Prompts a group, the same for all.")]
CompareOption = Annotated[bool, typer.Option("--compare", help="Each prompt twice: guarded, and raw with 'X-Evenhand: off'.")]
RawOption = Annotated[bool, typer.Option("--raw", help="Only raw requests: what the API does without the sidecar.")]
RateOption = Annotated[float, typer.Option("--rate", min=0.001, max=100, help="Requests a second, at most.")]
BudgetOption = Annotated[int, typer.Option("--budget", min=1, help="Requests, at most; more is refused before the first.")]
AtOnceOption = Annotated[int, typer.Option("--at-once", min=1, max=16, help="Requests under way at one time.")]
TimeoutOption = Annotated[float, typer.Option("--timeout", min=1, max=3600, metavar="SECONDS", help="For each answer.")]
PriceOption = Annotated[float | None, typer.Option("--price", min=0, help="Of one picture, for the estimate.")]
KeepOption = Annotated[Path | None, typer.Option("--keep", metavar="DIR", help="Keep the pictures; else they are thrown away.")]
DryOption = Annotated[bool, typer.Option("--dry-run", help="Say what would be sent and what it costs. Sends nothing.")]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Send only what has no answer yet; report on everything.")]
ResendOption = Annotated[bool, typer.Option("--resend-unknown", help="Also what was under way when a run was broken off.")]
DifferenceOption = Annotated[float, typer.Option("--min-difference", min=0, max=100, help="Smallest flagged, in points.")]


@dataclass(frozen=True, slots=True)
class _Manner:
    """How to send. `rate` is in requests a second; `threshold` from 0 to 1."""

    out: Path
    rate: float
    budget: int
    at_once: int
    price: float | None
    resume: bool
    resend: bool
    threshold: float
    rules: Path | None
    data: Path | None
    output: Format


def probe(
    out: OutOption = Path("probe"),
    url: UrlOption = "http://127.0.0.1:8080",
    operation: OperationOption = "openai.images.generations",
    path: PathOption = None,
    model: Annotated[str, typer.Option("--model", help="Asked for its cheapest picture.")] = "gpt-image-1",
    field: FieldOption = None,
    header: HeaderOption = None,
    key_env: KeyEnvOption = None,
    key_header: KeyHeaderOption = "authorization",
    sets: SetsOption = None,
    data: DataOption = None,
    per_group: PerGroupOption = 8,
    seed: SeedOption = 0,
    compare: CompareOption = False,
    raw: RawOption = False,
    rate: RateOption = 0.5,
    budget: BudgetOption = 200,
    at_once: AtOnceOption = 1,
    timeout: TimeoutOption = 180,
    price: PriceOption = None,
    keep: KeepOption = None,
    dry_run: DryOption = False,
    resume: ResumeOption = False,
    resend_unknown: ResendOption = False,
    min_difference: DifferenceOption = 10,
    rules: RulesOption = None,
    output: FormatOption = Format.TEXT,
) -> None:
    """Ask an image API for the same pictures of every group. Exit code 1 where a group stands out, 2 where it broke off."""
    from evenhand.probe.plan import fingerprint, plan_of
    from evenhand.probe.sets import SHIPPED, chosen, read_sets

    known = read_sets(data or SHIPPED)
    picked, halves = chosen(known, sets), _halves(compare, raw)
    asks = plan_of(known, picked, per_group=per_group, seed=seed, halves=halves)
    api = _api(url, operation, path, model, field or [], header or [], (key_env, key_header), timeout, keep)
    about = {"url": api.url, "fields": api.fields, "sets": [each.id for each in picked], "per_group": per_group, "seed": seed}
    identity = json.loads(json.dumps({**about, "halves": halves, "plan": fingerprint(asks)}))
    manner = _Manner(out, rate, budget, at_once, price, resume, resend_unknown, min_difference / 100, rules, data, output)
    if dry_run:
        _tell_plan(asks, identity, manner)
    else:
        _probe(asks, picked, api, identity, manner)


def _api(
    url: str,
    operation: str,
    path: str | None,
    model: str,
    fields: list[str],
    headers: list[str],
    key: tuple[str | None, str],
    timeout_s: float,
    keep: Path | None,
) -> "Api":
    from evenhand.probe.asking import Api, cheapest, operation_of, path_of
    from evenhand.probe.given import fields_of, headers_of, key_of, target_of

    spoken = operation_of(operation)
    return Api(
        url=target_of(url, path_of(spoken, path)),
        operation=spoken,
        fields={"model": model, **cheapest(model, spoken, keeps=keep is not None), **fields_of(fields)},
        headers={**headers_of(headers), **key_of(key[0], header=key[1], environment=os.environ)},
        timeout_s=timeout_s,
        keep=keep,
    )


def _halves(compare: bool, raw: bool) -> "list[Half]":
    if compare:
        return ["guarded", "raw"]
    return ["raw"] if raw else ["guarded"]


def _left(asks: "Sequence[Ask]", found: "Found", identity: dict[str, Any], manner: _Manner) -> "list[Ask]":
    """What is still to be sent. Leaves with exit code 2 where another probe's answers stand there."""
    if found.identity and not manner.resume:
        told = f"holds a probe with {len(found.answers):,} answers"
        refuse(f"'{manner.out}' {told}; go on with --resume, or name another folder with --out")
    other = sorted(name for name in identity if found.identity and identity[name] != found.identity.get(name))
    if other:
        refuse(f"'{manner.out}' holds another probe ({', '.join(other)} differ); repeat its options, or name another folder")
    done = set(found.answers) | (set() if manner.resend else found.under_way)
    return [ask for ask in asks if ask.key not in done]


def _tell_plan(asks: "Sequence[Ask]", identity: dict[str, Any], manner: _Manner) -> None:
    from evenhand.probe.journal import load
    from evenhand.probe.wording import plan_lines

    left = _left(asks, load(manner.out / "answers.jsonl"), identity, manner)
    if len(left) < len(asks):
        say(f"{len(asks) - len(left):,} of {len(asks):,} requests are sent already")
    for line in plan_lines(left, rate=manner.rate, price=manner.price):
        say(line)
    _check_budget(left, manner)


def _check_budget(left: "Sequence[Ask]", manner: _Manner) -> None:
    if len(left) > manner.budget:
        ways = f"allow them with --budget {len(left)}, or choose fewer --sets or a smaller --per-group"
        refuse(f"this needs {len(left):,} requests, and the budget is {manner.budget:,}; {ways}")


def _probe(asks: "Sequence[Ask]", picked: "Sequence[ProbeSet]", api: "Api", identity: dict[str, Any], manner: _Manner) -> None:
    from evenhand.probe.journal import Journal
    from evenhand.probe.wording import cost_line, course_line

    page_of = _page_maker() if manner.output is Format.TEXT else None
    with Journal(manner.out / "answers.jsonl") as journal:
        left = _left(asks, journal.found, identity, manner)
        _check_budget(left, manner)
        journal.begin(identity)
        complain(cost_line(len(left), rate=manner.rate, price=manner.price))
        course = _send(left, api, journal, manner)
    figures = _figures(asks, picked, identity, manner)
    _report(figures, page_of, manner)
    if said := course_line(course, figures.coverage.left):
        complain(f"evenhand: {said}")
        raise typer.Exit(BROKEN_OFF if course.why == "told" else 2)
    if figures.flagged:
        raise typer.Exit(1)


def _send(left: "Sequence[Ask]", api: "Api", journal: "Journal", manner: _Manner) -> "Course":
    from evenhand.probe.sending import Pace, send

    try:
        with _interruptible() as stop:
            pace = Pace(rate=manner.rate, stop=stop)
            tell = _progress(len(left))
            return send(left, api=api, journal=journal, pace=pace, most=manner.budget, at_once=manner.at_once, tell=tell)
    except OSError as error:
        refuse(f"'{manner.out}': {(error.strerror or 'it failed').lower()}; mend it and go on with --resume")


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """The first Ctrl-C lets the request under way finish, since it is paid for; the second does not wait."""
    stop = threading.Event()

    def ask_to_stop(number: int, frame: object) -> None:
        if stop.is_set():
            os._exit(BROKEN_OFF)  # what is on the disk is whole; threads that wait for an answer would hold us
        stop.set()
        os.write(sys.stderr.fileno(), b"evenhand: waiting for the request under way; Ctrl-C again does not wait\n")

    before = {each: signal.signal(each, ask_to_stop) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _progress(whole: int) -> "Callable[[Answer], None]":
    counts = {"drawn": 0, "refused": 0, "error": 0, "again": 0}
    said = time.monotonic()

    def tell(answer: "Answer") -> None:
        nonlocal said
        counts[answer.outcome] += 1
        if time.monotonic() - said >= LINE_EVERY_S:
            said = time.monotonic()
            done = whole and sum(counts.values()) - counts["again"]
            complain(f"{done:,} of {whole:,} answered: {counts['refused']:,} refused, {counts['error']:,} errors")

    return tell


def _figures(asks: "Sequence[Ask]", picked: "Sequence[ProbeSet]", identity: dict[str, Any], manner: _Manner) -> "Figures":
    from evenhand.engine import Engine
    from evenhand.probe.drifting import Reader
    from evenhand.probe.figures import coverage_of, figures_of, seen_of
    from evenhand.probe.journal import load
    from evenhand.probe.sets import SHIPPED, read_sets
    from evenhand.rules import load_rules

    found = load(manner.out / "answers.jsonl")
    reader = Reader(Engine(load_rules(manner.rules)), read_sets(manner.data or SHIPPED).words())
    seen = seen_of(asks, found.answers, reader)
    coverage = coverage_of(seen, planned=len(asks), unknown=len(found.under_way), first=found.first, last=found.last)
    why = {plain.say: plain.why for each in picked for plain in each.prompts}
    return figures_of(seen, about=identity, coverage=coverage, why=why, threshold=manner.threshold)


def _page_maker() -> "Callable[[Figures], str]":
    """matplotlib and Jinja come with the extra `report` only; said before anything is paid for."""
    try:
        from evenhand.probe.page import page_of
    except ImportError:
        refuse("the page needs matplotlib and Jinja; install them with: pip install 'evenhand[report]', or use --format json")
    return page_of


def _report(figures: "Figures", page_of: "Callable[[Figures], str] | None", manner: _Manner) -> None:
    from evenhand.probe.wording import verdict_line, worst_lines

    told = json.dumps({**asdict(figures), "flagged": worst_lines(figures)}, ensure_ascii=False, indent=2)
    _write(manner.out / "report.json", told + "\n")
    if page_of is None:
        sys.stdout.write(told + "\n")
        return
    _write(manner.out / "report.html", page_of(figures))
    say(verdict_line(figures))
    for line in worst_lines(figures):
        say(f"  {line}")
    for line in figures.coverage.cautions:
        complain(f"evenhand: {line}")
    say(f"{manner.out / 'report.html'}: {figures.coverage.answered:,} of {figures.coverage.planned:,} requests answered")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", errors="replace")
    except OSError as fault:
        refuse(f"'{path}' can't be written: {(fault.strerror or 'it failed').lower()}; the answers are kept beside it")
