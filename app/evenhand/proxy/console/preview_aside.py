"""What a change of a rule file would change, found in a process of its own, so that requests are served at full speed meanwhile.

A job goes in and plain data comes out, both as JSON over pipes: prompts stand in no command line and no log.
"""

import asyncio
import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import evenhand
from evenhand.engine import Engine
from evenhand.errors import RuleError
from evenhand.proxy.console.preview import compare, failures, grouped, questions_of
from evenhand.proxy.console.workshop import Workshop
from evenhand.proxy.refusal import Refusal
from evenhand.proxy.watch.logs import where
from evenhand.rules.compile import compile_rules
from evenhand.rules.load import LoadedRules, load_folder

TIMEOUT_S = 180.0
NICE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """`text` stands in for the file `name` of `folder`; `recent` holds prompts of traffic, None where none may be kept."""

    folder: str
    name: str
    text: str
    recent: list[str] | None


async def preview_aside(job: Job, *, timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
    """Raises Refusal 503 where the process ends without an answer. Cancelled, it ends the process."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=_environment()
    )
    try:
        async with asyncio.timeout(timeout_s):
            told, _ = await process.communicate(json.dumps(asdict(job)).encode())
    except TimeoutError:
        raise _unanswered(f"it took longer than {timeout_s:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise _unanswered("the process that compares ended early; it may have run out of memory")
    found: dict[str, Any] = json.loads(told)
    return found


def _unanswered(why: str) -> Refusal:
    return Refusal(503, f"What would change can't be told: {why}.", code="preview_failed")


def _environment() -> dict[str, str]:
    """This very package must be found there, however it was found here."""
    home = str(Path(evenhand.__file__).parent.parent)
    return {**os.environ, "PYTHONPATH": os.pathsep.join([home, *filter(None, [os.environ.get("PYTHONPATH")])])}


def previewed(job: Job) -> dict[str, Any]:
    """The folder on disk against the same folder with the change. What can't be loaded is told by its problems."""
    workshop = Workshop(Path(job.folder))
    old, _ = _loaded(workshop, {})
    new, problems = _loaded(workshop, {job.name: job.text.encode()})
    if new is None:
        return {"problems": problems}
    after = Engine(compile_rules(new))
    before = after if old is None else Engine(compile_rules(old), tagger=after.tagger)
    questions = questions_of([each for each in (old, new) if each], job.recent or [])
    changes = list(compare(questions, before, after))
    examples = sum(question.place is not None for question in questions)
    failed = [
        {"place": workshop.place(it.case.place), "prompt": it.case.example.say, "faults": it.faults, "is_new": it.is_new}
        for it in failures(new, before, after)
    ]
    return {
        "problems": [],
        "compared": old is not None,
        "revision": {"before": before.rules.revision, "after": after.rules.revision},
        "asked": {"examples": examples, "recent": None if job.recent is None else len(job.recent)},
        "changed": len(changes),
        "groups": grouped(changes, {**before.rules.places, **after.rules.places}, workshop.place),
        "failed": failed,
    }


def _loaded(workshop: Workshop, changed: dict[str, bytes]) -> tuple[LoadedRules | None, list[dict[str, Any]]]:
    try:
        return load_folder(workshop.root, changed=changed), []
    except RuleError as error:
        return None, [workshop.problem_data(problem) for problem in error.problems]


def main() -> int:
    """Standard output carries the answer and nothing else; a fault is told by its place, never by its message."""
    os.nice(NICE)
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)
        try:
            out.write(json.dumps(previewed(Job(**json.load(sys.stdin)))).encode())
        except Exception as fault:
            sys.stderr.write(f"evenhand preview: {where(fault)}\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
