"""A copy of the shipped rules that changes all the time: a new rule, another one, a file that is broken, a file that is away."""

import asyncio
import itertools
import shutil
from pathlib import Path

from evenhand.rules import shipped_rules

RULE = """\
kind: collocations
rules:
  - id: soak-{number}
    match: [doctor of the soak {number}]
    why: A rule that comes and goes.
    examples:
      - {{say: a doctor of the soak {number}, vary: []}}
"""


def made(folder: Path) -> Path:
    shutil.copytree(shipped_rules(), folder, dirs_exist_ok=True)
    return folder


async def churn(folder: Path, *, every_s: float) -> None:
    """Until cancelled: every third change is a bad one."""
    file = folder / "en/soak.yaml"
    for number in itertools.count():
        await asyncio.sleep(every_s)
        if number % 3 == 2:
            file.write_text("kind: collocations\nrules: [", encoding="utf-8")
        elif number % 7 == 6:
            file.unlink(missing_ok=True)
        else:
            file.write_text(RULE.format(number=number), encoding="utf-8")
