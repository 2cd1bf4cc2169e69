"""README and docs are true: commands are run in order and print what is shown, and every name they give exists.

Each page is a script: files it names are written, commands run, in one folder, in the page's order. `curl` speaks with a
real sidecar before the built-in image API.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import get_args

import httpx
import pytest
from ruamel.yaml import YAML
from typer.main import get_command

from evenhand.cli import app
from evenhand.dialects.load import dialect_of, load_dialects
from evenhand.engine import Engine
from evenhand.engine.record import record
from evenhand.flow import Outcome, Prompt, Reason, Remark
from evenhand.proxy.admin.checkup import CHECKS
from evenhand.proxy.watch.meters import Meters
from evenhand.rules.load import load_folder
from evenhand.rules.ruleset import Ruleset
from evenhand.rules.schema import LISTED, PolicyFile, PolicyPart
from evenhand.settings import Settings

ROOT = Path(__file__).parent.parent
PAGES = {path.name: path.read_text(encoding="utf-8") for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]}
OTHERS_PAGES = {"scale.md"}  # read for links only
BLOCK = re.compile(r"(?:^(?P<lead>(?:(?!```)[^\n]+\n)+)\n)?^```(?P<language>\w+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"`([\w./-]+\.(?:yaml|csv|json))`")
NOT_RUN = re.compile(
    r"(?:make|pip|docker|kubectl|openssl|evenhand (?:serve|demo|doctor|probe(?! --dry-run)|batch .*--engine ray))\b"
)
DATA, ADMIN = "127.0.0.1:8080", "127.0.0.1:8081"
# What differs from run to run, or with every edit of a rule.
VOLATILE = re.compile(
    r"(?<=revision )\w{8}|(?<=\.yaml:)\d+|\d[\d,]* (?:rules|phrases|passed|ms|operations)\b|\b[dr]-[0-9A-V]{26}\b|req_\w+"
    r"|(?<=\"revision\":)\s?\"\w+\"|(?<=-revision: )\w+|(?<=\"created\": )\d+|127\.0\.0\.1:\d+/demo/images/\w+"
    r"|(?<=overhead-ms: )[\d.]+|(?<=overhead_ms\": )[\d.]+|(?<=rows a second)\s+[\d,]+|(?<=time)\s+[\d:]+"
    r"|(?<=(?:old|new) )\w{8}|\d{4}-\d\d-\d\dT[\d:.]+Z|(?<=_s\":)[\d.]+|(?<=\"at\":)[\d.]+|(?<=prompt_hash\":\")\w+"
)


@dataclass(frozen=True, slots=True)
class Block:
    lead: str
    language: str
    body: str

    @property
    def file(self) -> str:
        """The last one named in the paragraph before the block."""
        named = FILE.findall(self.lead) if self.language in ("yaml", "csv", "json") else []
        return named[-1] if named else ""


@dataclass(frozen=True, slots=True)
class Shown:
    command: str
    output: str


def blocks(page: str) -> list[Block]:
    return [Block(found["lead"] or "", found["language"], found["body"]) for found in BLOCK.finditer(PAGES[page])]


def shown(body: str) -> Iterator[Shown]:
    """A command may go on in the next line after a backslash."""
    for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
        command, _, output = re.sub(r"\\\n", "\0", part).partition("\n")
        yield Shown(command.replace("\0", "\\\n"), output.rstrip("\n"))


def runs_here(command: str) -> bool:
    programs = re.findall(r"(?:^|\| )(\w+)", command)
    return not NOT_RUN.match(command) and all(shutil.which(each) or each in ("evenhand", "python", "cd") for each in programs)


def lasting(output: str) -> str:
    return VOLATILE.sub("#", re.sub(r"[ \t]+$", "", output, flags=re.MULTILINE)).strip("\n")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a page's commands run; `ports` maps the addresses of the docs to those of the sidecar of this test."""

    folder: Path
    programs: Path
    ports: dict[str, str]

    def run(self, command: str) -> str:
        for said, really in self.ports.items():
            command = command.replace(said, really)
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=environment(self.programs),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        output = done.stdout.rstrip("\n").replace(f"{ROOT}/", "")
        for said, really in self.ports.items():
            output = output.replace(really, said)
        return output


def environment(programs: Path) -> dict[str, str]:
    """Compiled rules are kept, but not where the user keeps theirs."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EVENHAND_")}
    own = {"NO_COLOR": "1", "PYTHONPATH": str(ROOT / "app"), "PATH": f"{programs}:{os.environ['PATH']}"}
    own |= {"EVENHAND_CACHE_DIR": str(programs / "kept")}
    return {**kept, **own}


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`evenhand` and `python` as an installation would have them."""
    folder = tmp_path_factory.mktemp("bin")
    for name, arguments in (("evenhand", "-m evenhand "), ("python", "")):
        (folder / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments}"$@"\n')
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all pages, since compiled rules are kept by the folder they are asked for in."""
    return tmp_path_factory.mktemp("page")


@pytest.fixture(scope="module")
def ports(programs: Path, folder: Path) -> Iterator[dict[str, str]]:
    """`evenhand demo` at ports of its own, as the pages tell newcomers to start it."""
    data, admin = free_port(), free_port()
    command = [str(programs / "evenhand"), "demo", "--port", str(data), "--admin-port", str(admin)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, cwd=folder, env=environment(programs), **quiet)
    try:
        until = time.monotonic() + 120
        while time.monotonic() < until and not is_ready(admin):
            assert process.poll() is None, "the demo ended at its start"
            time.sleep(0.1)
        yield {DATA: f"127.0.0.1:{data}", ADMIN: f"127.0.0.1:{admin}"}
    finally:
        process.terminate()
        process.wait(30)


def is_ready(admin: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{admin}/readyz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("page", [page for page in PAGES if page not in OTHERS_PAGES])
def test_the_page_shows_what_its_commands_print(page: str, programs: Path, folder: Path, request: pytest.FixtureRequest) -> None:
    needs_sidecar = DATA in PAGES[page] or ADMIN in PAGES[page]
    ports = request.getfixturevalue("ports") if needs_sidecar else {}
    emptied(folder)
    (folder / "rules").symlink_to(ROOT / "rules")
    assert list(differences(page, Place(folder=folder, programs=programs, ports=ports))) == []


def emptied(folder: Path) -> None:
    for each in folder.iterdir():
        shutil.rmtree(each) if each.is_dir() and not each.is_symlink() else each.unlink()


def differences(page: str, place: Place) -> Iterator[tuple[str, str, str]]:
    for block, after in zip(found := blocks(page), [*found[1:], Block("", "", "")], strict=True):
        if block.file:
            target = place.folder / block.file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.body, encoding="utf-8")
        for each in steps(block, after):
            printed = place.run(each.command)
            if lasting(printed) != lasting(each.output):
                yield each.command, printed, each.output


def steps(block: Block, after: Block) -> list[Shown]:
    """Commands of a console, or a Python program with what it prints."""
    if block.language == "console":
        return [each for each in shown(block.body) if runs_here(each.command)]
    if block.language == "python" and after.language == "text":
        return [Shown(f"python - <<'END'\n{block.body}END", after.body.rstrip("\n"))]
    return []


def test_the_pages_have_commands() -> None:
    counts = {page: sum(len(steps(block, block)) for block in blocks(page)) for page in PAGES}
    for page, least in {"README.md": 3, "deciding.md": 5, "rules.md": 8, "proxy.md": 4, "api.md": 2, "corpora.md": 2}.items():
        assert counts[page] >= least


@pytest.mark.parametrize("page", PAGES)
def test_programs_are_python(page: str) -> None:
    for block in blocks(page):
        if block.language == "python":
            compile(block.body, page, "exec")
            for line, module in re.findall(r"^((?:from|import) (\w+).*)$", block.body, re.MULTILINE):
                if find_spec(module):
                    exec(line, {})


@pytest.mark.parametrize("page", PAGES)
def test_yaml_loads(page: str, tmp_path: Path) -> None:
    """Rules and dialects with their own loaders, folders as the page leaves them; the rest as YAML."""
    folders: set[Path] = set()
    for number, block in enumerate(each for each in blocks(page) if each.language in ("yaml", "csv")):
        name = block.file or f"unnamed-{number}/{'policy' if 'kind: policy' in block.body else 'own'}.yaml"
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(block.body, encoding="utf-8")
        if re.search(r"^dialect:", block.body, re.MULTILINE):
            dialect_of(block.body.encode(), page)
        elif re.search(r"^kind: [a-z]+$", block.body, re.MULTILINE):
            folders.add(tmp_path / Path(name).parts[0])
        elif block.language == "yaml":
            assert list(YAML(typ="safe").load_all(block.body))
    for folder in folders:
        load_folder(with_policy(folder))


def with_policy(folder: Path) -> Path:
    """Laid over the shipped rules where the page does not say otherwise."""
    if not (folder / "policy.yaml").exists():
        (folder / "policy.yaml").write_text("kind: policy\nextends: shipped\n")
    return folder


def test_the_decision_on_the_wire_is_as_shown(engine: Engine) -> None:
    told = json.loads(PAGES["api.md"].partition("| python -m json.tool --indent 2\n")[2].partition("```")[0])
    made = record(engine.decide(Prompt(text="a Black nurse", seed=7)), engine.rules)
    own = {"id": "", "revision": "", "overhead_ms": 0}
    assert told | own == {**made, **own}


def test_the_tour_shows_what_the_engine_says(engine: Engine) -> None:
    """The first cells of the table; the tour's seeds count from one."""
    tour = (ROOT / "examples/tour.py").read_text(encoding="utf-8")
    prompts = re.findall(r'^    "(.+)",$', tour.partition("PROMPTS = [")[2].partition("]\n")[0], re.MULTILINE)
    rows = [[" ".join(cell) for cell in row] for row in tour_rows()]
    assert len(rows) >= 4
    for asked, sent, _ in rows:
        decision = engine.decide(Prompt(text=asked, seed=prompts.index(asked) + 1))
        assert sent == (decision.texts or (asked,))[0]


def tour_rows() -> Iterator[list[list[str]]]:
    """Each row as its cells, each cell as its lines."""
    for group in re.split(r"^[┡├└].*$", PAGES["README.md"], flags=re.MULTILINE)[1:]:
        lines = [line.strip("│").split("│") for line in group.splitlines() if line.startswith("│")]
        if lines:
            yield [[line.strip() for line in cell if line.strip()] for cell in zip(*lines, strict=True)]


def rows(page: str, first: str) -> dict[str, str]:
    """The rows of a page whose first cell holds names in backticks that fit; each name with its second cell."""
    found = re.findall(r"^\| ([^|]+) \| ([^|]*?) ?\|", PAGES[page], re.MULTILINE)
    return {name: second for cell, second in found for name in re.findall(r"`([^`]+)`", cell) if re.fullmatch(first, name)}


def test_every_setting_is_in_the_table_with_its_default() -> None:
    told = rows("operate.md", "EVENHAND_\\w+")
    defaults = {f"EVENHAND_{name.upper()}": field.default for name, field in Settings.model_fields.items()}
    plain = {name: str(value).lower() if isinstance(value, str | int | float) else "" for name, value in defaults.items()}
    assert {name: value.lower() for name, value in told.items()} == plain


def test_every_key_of_the_policy_is_in_the_table_with_its_shipped_value(shipped: Ruleset) -> None:
    told = rows("rules.md", "[a-z_]+")
    assert set(told) == set(PolicyFile.model_fields)
    for key, value in shipped.policy:
        if isinstance(value, str | int):
            assert told[key] == str(value).lower(), key


def test_the_keys_of_a_part_are_named() -> None:
    sentence = PAGES["rules.md"].partition("may hold ")[2].partition(". ")[0]
    assert set(re.findall(r"`(\w+)`", sentence)) == set(PolicyPart.model_fields)


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("deciding.md", get_args(Reason)),
        ("proxy.md", [*get_args(Outcome), *get_args(Remark)]),
        ("rules.md", [*LISTED, *get_args(PolicyFile.model_fields["mode"].annotation)]),
        ("operate.md", [f"evenhand {name}" for name in getattr(get_command(app), "commands", {})]),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_every_name_is_told(page: str, names: list[str]) -> None:
    assert [name for name in names if f"`{name}`" not in PAGES[page]] == []


def test_every_header_of_an_answer_is_told() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "app/evenhand/proxy").glob("*.py"))
    sent = set(re.findall(r'b"(x-(?:evenhand-[a-z-]+[a-z]|should-retry|request-id|upstream-request-id))"', code))
    told = set(re.findall(r"`(x-[a-z-]+)[:`]", PAGES["proxy.md"].lower()))
    assert sent <= told
    assert {name for name in told if name.startswith("x-evenhand-")} <= sent


def test_metrics_are_those_of_the_service() -> None:
    families = {family.name: family.type for family in Meters().registry.collect() if family.name.startswith("evenhand_")}
    desk = (ROOT / "app/evenhand/proxy/admin/desk.py").read_text(encoding="utf-8")
    families |= dict(re.findall(r'"(evenhand_worker\w+)", "(\w+)"', desk))
    names = {f"{name}_total" if kind == "counter" else name for name, kind in families.items()}
    assert set(rows("operate.md", "evenhand_\\w+")) == names
    everywhere = {name for text in PAGES.values() for name in re.findall(r"`(evenhand_[a-z_]+)`", text)}
    assert everywhere <= names


def test_alerts_are_those_of_the_file() -> None:
    (group,) = YAML(typ="safe").load(ROOT / "docker/grafana/alerts.yaml")["groups"]
    assert set(rows("operate.md", "Evenhand[A-Z]\\w+")) == {rule["alert"] for rule in group["rules"]}


def test_checks_of_the_doctor_are_those_of_the_command() -> None:
    told = re.findall(r"^(?:ok|warn|fail) +([a-z ]+):", PAGES["operate.md"], re.MULTILINE)
    assert list(dict.fromkeys(told)) == list(CHECKS)


def test_every_path_of_the_admin_port_is_told() -> None:
    routes = set(
        re.findall(r'router\.(?:get|post)\("(/[^"]+)"', (ROOT / "app/evenhand/proxy/admin/app.py").read_text(encoding="utf-8"))
    )
    assert [path for path in routes if path not in PAGES["operate.md"]] == []


def test_numbers_of_image_apis_are_right() -> None:
    dialects = load_dialects()
    operations = sum(len(dialect.operations) for dialect in dialects)
    told = re.findall(r"(\d+) operations of (\d+) image APIs", "".join(PAGES.values()))
    assert told
    assert set(told) == {(str(operations), str(len(dialects)))}


def test_every_setting_named_anywhere_exists() -> None:
    known = {name.upper() for name in Settings.model_fields} | {"CACHE_DIR", "DEBUG", "COMMAND"}
    assert {name for text in PAGES.values() for name in re.findall(r"EVENHAND_([A-Z_]+)", text)} <= known


def test_every_option_named_exists() -> None:
    told = {name for text in PAGES.values() for name in re.findall(r"`(?:[^`\n]* )?(--[a-z][a-z-]+)", BLOCK.sub("", text))}
    assert told - set(options(get_command(app))) == set()


def options(command: object) -> Iterator[str]:
    for parameter in getattr(command, "params", []):
        yield from parameter.opts
    for inner in getattr(command, "commands", {}).values():
        yield from options(inner)


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    home = ROOT if page == "README.md" else ROOT / "docs"
    for link in re.findall(r"\]\(([^)\s]+)\)", BLOCK.sub("", PAGES[page])):
        path, _, heading = link.partition("#")
        target = (home / path).resolve() if path else home / page
        assert "://" in link or target.exists(), link
        if heading:
            assert heading in headings(target), link


def headings(page: Path) -> set[str]:
    """As GitHub names them."""
    found = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in found}


@pytest.mark.parametrize("page", [page for page in PAGES if page != "README.md"])
def test_the_readme_leads_to_every_page(page: str) -> None:
    assert f"docs/{page}" in PAGES["README.md"]
    assert PAGES[page].count("\n") <= 250
