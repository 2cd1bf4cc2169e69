"""What `evenhand doctor` looks at: settings in, findings out, each with its fix. It changes nothing and sends no request.

Every check is one function in CHECKS; one that breaks is a finding itself, so that a checkup always comes to its end.
"""

import asyncio
import os
import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import evenhand
from evenhand.casebook import rule_cases, run_cases
from evenhand.dialects.load import load_dialects
from evenhand.engine import Engine
from evenhand.engine.tagger import shipped_tagger
from evenhand.errors import EvenhandError, RuleError, SettingsError
from evenhand.flow import Prompt
from evenhand.proxy.admin.reach import reach
from evenhand.proxy.server import bind
from evenhand.proxy.target import upstreams_of
from evenhand.proxy.watch import tracing
from evenhand.proxy.watch.logs import where
from evenhand.rules import Ruleset, shipped_rules
from evenhand.rules.compile import compile_rules
from evenhand.rules.load import LoadedRules, load_folder
from evenhand.settings import Settings, is_loopback, refuse_own_ports

Level = Literal["ok", "warn", "fail"]
TOKEN_CHARS = 16
MEMORY_BYTES = 512 << 20
SPARE_FILES = 64
CGROUP = Path("/sys/fs/cgroup/memory.max")
SHOWN_FAILURES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`says` what is so, `fix` what to do about it; an `ok` needs no fix."""

    check: str
    level: Level
    says: str
    fix: str = ""


@dataclass(kw_only=True)
class Patient:
    """What the checks share. `timeout_s` bounds each connection that is tried."""

    settings: Settings
    timeout_s: float = 3.0
    rules: Ruleset | None = field(default=None, init=False)

    @cached_property
    def folder(self) -> Path:
        return self.settings.rules or shipped_rules()


Findings = Iterator[tuple[Level, str, str]]


def checkup(settings: Settings, *, timeout_s: float = 3.0) -> Iterator[Finding]:
    patient = Patient(settings=settings, timeout_s=timeout_s)
    for name, check in CHECKS.items():
        try:
            for level, says, fix in check(patient):
                yield Finding(check=name, level=level, says=says, fix=fix)
        except EvenhandError as error:
            yield Finding(check=name, level="fail", says=str(error), fix="Correct the setting or the file that it names.")
        except Exception as fault:
            yield Finding(check=name, level="fail", says=f"The check itself failed: {where(fault)}.", fix="Report it to us.")


def _settings(patient: Patient) -> Findings:
    settings = patient.settings
    yield "ok", "Every setting can be used.", ""
    if settings.demo:
        yield "warn", "The demo upstream is on; it draws cards, not pictures.", "Leave out EVENHAND_DEMO in production."
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files < settings.connections + SPARE_FILES:
        says = f"{settings.connections:,} connections may be open at once, but only {files:,} files."
        yield "warn", says, f"Raise the limit (ulimit -n {settings.connections + 1_024}) or lower EVENHAND_CONNECTIONS."
    limit = CGROUP.read_text().strip() if CGROUP.is_file() else "max"
    if limit.isdigit() and int(limit) < MEMORY_BYTES:
        says = f"The container may use {int(limit) >> 20} MiB; reading rules anew takes a second process for a moment."
        yield "warn", says, f"Give it {MEMORY_BYTES >> 20} MiB."


def _ports(patient: Patient) -> Findings:
    settings = patient.settings
    for name, other in (("port", "admin_port"), ("admin_port", "port")):
        shown = f"{settings.host if name == 'port' else settings.admin_host}:{getattr(settings, name)}"
        try:
            found = bind(settings.model_copy(update={other: 0, "demo": False}))
        except SettingsError as error:
            yield "fail", str(error), "Where Evenhand itself runs there already, all is well; else free the port."
        else:
            found.data.close()
            found.admin.close()
            yield "ok", f"{shown} is free.", ""


def _rules(patient: Patient) -> Findings:
    began = time.perf_counter()
    try:
        loaded = load_folder(patient.folder)
        rules = patient.rules = compile_rules(loaded)
    except RuleError as error:
        first = error.problems[0]
        more = f" (and {len(error.problems) - 1} more problems)" if len(error.problems) > 1 else ""
        place = f"{first.path}:{first.line}:{first.column}"
        yield (
            "fail",
            f"The rules can't be used: {place}: {first.message}{more}.",
            first.hint or "Run 'evenhand check' to see all.",
        )
        return
    took_ms = round((time.perf_counter() - began) * 1000)
    says = (
        f"{patient.folder}: {len(loaded.rules):,} rules, {rules.phrase_count:,} phrases, revision {rules.revision}, {took_ms} ms."
    )
    yield "ok", says, ""
    yield _examples(loaded, rules)


def _examples(loaded: LoadedRules, rules: Ruleset) -> tuple[Level, str, str]:
    cases = rule_cases(loaded)
    failed = [result.case for result in run_cases(cases, Engine(rules), rules) if not result.passed]
    if not failed:
        return "ok", f"All {len(cases):,} examples of the rules pass.", ""
    shown = ", ".join(str(case.place) for case in failed[:SHOWN_FAILURES])
    fix = "Run 'evenhand test' to see what differs; a reload would refuse these rules."
    return "fail", f"{len(failed)} of {len(cases):,} examples fail: {shown}.", fix


def _model(patient: Patient) -> Findings:
    words = ["Anna", "Kowalska", "baking", "bread"]
    if "NAME" not in shipped_tagger().tags(words):
        yield "fail", "The language model loads, but reads no name in a plain prompt.", "Install the package anew."
        return
    if patient.rules is None:
        yield "ok", "The language model loads and reads names; without rules nothing more can be tried.", ""
        return
    decision = Engine(patient.rules).decide(Prompt(text="a doctor and a nurse", seed=1))
    shown = f": '{decision.texts[0]}'" if decision.texts else ""
    yield "ok", f"The language model loads; 'a doctor and a nurse' is {decision.outcome}{shown}.", ""


def _upstreams(patient: Patient) -> Findings:
    settings = patient.settings
    found = upstreams_of(patient.rules.upstreams if patient.rules else (), settings, load_dialects(settings.dialect_folder))
    if not found:
        if not settings.demo:
            yield "fail", "No upstream is configured.", "Set EVENHAND_UPSTREAM, or write upstreams.yaml among the rules."
        return
    refuse_own_ports(settings, [upstream.origin for upstream in found])
    origins = list(dict.fromkeys(upstream.origin for upstream in found))
    for origin, error in zip(origins, asyncio.run(_reached(origins, patient.timeout_s)), strict=True):
        if error:
            yield "fail", f"{origin} can't be reached.", error
        elif urlsplit(origin).scheme == "http" and not is_loopback(urlsplit(origin).hostname or ""):
            yield "warn", f"{origin} can be reached, but keys and prompts go there unencrypted.", "Use https where you can."
        else:
            yield "ok", f"{origin} can be reached.", ""


async def _reached(origins: list[str], timeout_s: float) -> list[str]:
    return list(await asyncio.gather(*(reach(origin, timeout_s=timeout_s) for origin in origins)))


def _admin(patient: Patient) -> Findings:
    settings = patient.settings
    token = settings.admin_token.get_secret_value() if settings.admin_token else None
    shown = f"{settings.admin_host}:{settings.admin_port}"
    if token is None:
        yield "ok", f"The admin port {shown} answers this machine only, under loopback names.", ""
    elif len(token) < TOKEN_CHARS:
        fix = "Take a random one: openssl rand -hex 32."
        yield "warn", f"The admin port {shown} is kept by a token of {len(token)} characters.", fix
    else:
        yield "ok", f"The admin port {shown} asks for the token.", ""
    if settings.edit_rules and not is_loopback(settings.admin_host):
        fix = "Leave out EVENHAND_EDIT_RULES, and change rules by the way your other configuration goes."
        yield "warn", "Whoever holds the token may change rule files from other machines.", fix


def _secret(patient: Patient) -> Findings:
    is_set = "secret" in patient.settings.model_fields_set
    by_prompt = patient.rules is not None and patient.rules.policy.sampling.by == "prompt"
    if is_set:
        yield "ok", "EVENHAND_SECRET is set; draws by prompt and prompt hashes agree among processes.", ""
    elif by_prompt:
        fix = "Set EVENHAND_SECRET to one random value for all processes: openssl rand -hex 32."
        yield "fail", "The policy draws by prompt, but the key is made anew at every start, so draws change with it.", fix
    elif patient.settings.decision_log:
        fix = "Set EVENHAND_SECRET where logs of several processes or days are compared."
        yield "warn", "Prompt hashes of the decision log agree within one run of one process only.", fix
    else:
        yield "ok", "No setting needs EVENHAND_SECRET.", ""


def _decision_log(patient: Patient) -> Findings:
    place = patient.settings.decision_log
    if place is None:
        yield "ok", "There is no decision log.", ""
    elif place == "stdout":
        yield "ok", "The decision log goes to standard output.", ""
    elif "://" in place and find_spec("sqlalchemy") is None:
        yield "fail", "A decision log in a database needs SQLAlchemy.", "pip install 'evenhand[database]'"
    elif "://" in place and not place.startswith("sqlite"):
        yield _database(place, patient.timeout_s)
    else:
        yield _file(Path(place.partition(":///")[2] or place))


def _database(url: str, timeout_s: float) -> tuple[Level, str, str]:
    """Told without user and password."""
    parts = urlsplit(url)
    host, port = parts.hostname or "localhost", parts.port or 5432
    error = asyncio.run(reach(f"http://{host}:{port}", timeout_s=timeout_s))
    if error:
        return "fail", f"The decision log's database at {host}:{port} can't be reached.", error
    return "ok", f"The decision log's database at {host}:{port} can be reached.", ""


def _file(path: Path) -> tuple[Level, str, str]:
    target = path if path.exists() else path.absolute().parent
    if path.exists() and not path.is_file():
        return "fail", f"The decision log '{path}' is no regular file.", "Name a file, or use stdout."
    if not target.exists():
        return "fail", f"The folder of the decision log '{path}' does not exist.", f"Make it: mkdir -p {path.absolute().parent}"
    if not os.access(target, os.W_OK):
        return "fail", f"The decision log '{path}' can't be written by this user.", "Change its owner, or name another file."
    return "ok", f"The decision log '{path}' can be written.", ""


def _tracing(_: Patient) -> Findings:
    if not tracing.is_wanted(os.environ):
        yield "ok", "Tracing is off, since OTEL_EXPORTER_OTLP_ENDPOINT is not set.", ""
    elif find_spec("opentelemetry") is None or find_spec("opentelemetry.sdk") is None:
        yield "fail", "An exporter of traces is named, but OpenTelemetry is not installed.", "pip install 'evenhand[otel]'"
    else:
        yield "ok", "Traces are sent to the exporter named in OTEL_*.", ""


def _clock(_: Patient) -> Findings:
    """Nothing here knows the time better; but it can't be earlier than this software."""
    newest = max(path.stat().st_mtime for path in Path(evenhand.__file__).parent.glob("*.py"))
    now = time.time()
    shown = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now))
    if now < newest - 86_400:
        yield "fail", f"The clock says {shown}, which is before this software was installed.", "Set the clock; run an NTP client."
    else:
        yield "ok", f"The clock says {shown}.", ""


CHECKS: dict[str, Callable[[Patient], Findings]] = {
    "settings": _settings,
    "ports": _ports,
    "rules": _rules,
    "model": _model,
    "upstreams": _upstreams,
    "admin": _admin,
    "secret": _secret,
    "decision log": _decision_log,
    "tracing": _tracing,
    "clock": _clock,
}


def refused(error: SettingsError) -> list[Finding]:
    """Settings that can't be used at all, one finding a problem."""
    fix = "Correct the setting; the other checks need it."
    return [Finding(check="settings", level="fail", says=line, fix=fix) for line in str(error).splitlines()]
