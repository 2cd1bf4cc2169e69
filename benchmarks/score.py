"""`make score`: decide every labelled prompt of a folder beside the checkout and print its scorer's harm, idle, served, mangled.

The labelled prompts are third-party text and no part of this repository; where the folder does not exist this says so and
ends well.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from evenhand.engine import Engine
from evenhand.engine.record import record
from evenhand.flow import Prompt
from evenhand.rules import load_rules

GOLD = ("wild_dev.jsonl", "dofair_dev.jsonl")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "eval")
    parser.add_argument("--show", type=int, default=0, help="print the first N errors of each set")
    args = parser.parse_args()
    if not (args.folder / "score.py").exists():
        print(f"score: skipped, {args.folder} holds no score.py (pass --folder)")
        return 0
    rules = load_rules()
    engine = Engine(rules)
    for name in GOLD:
        score(engine, args.folder, name, args.show)
    return 0


def score(engine: Engine, folder: Path, name: str, show: int) -> None:
    rows = [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines() if line.strip()]
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as out:
        for row in rows:
            decision = engine.decide(Prompt(text=row["prompt"], seed=7, id=row["id"]))
            out.write(json.dumps(record(decision, engine.rules, ref=row["id"])) + "\n")
        out.flush()
        print(f"== {name}", flush=True)
        subprocess.run([sys.executable, folder / "score.py", folder / name, out.name, "--show", str(show)], check=True)


if __name__ == "__main__":
    raise SystemExit(main())
