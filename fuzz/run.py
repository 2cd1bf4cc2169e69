"""Drives the targets with atheris, one process a target, and prints what each run reached.

python -m fuzz.run [--seconds 300] [--work DIR] [target ...]; a finding's input stays in DIR/<target>/found, and the exit is 1.
"""

import argparse
import importlib
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from fuzz import TARGETS

MAX_BYTES, SLOW_S, MEMORY_MB = 16_384, 10, 2_048


def main() -> int:
    asked = options()
    if asked.drive:
        drive(asked.drive, asked.rest)
    work = Path(asked.work or tempfile.mkdtemp(prefix="evenhand-fuzz-"))
    print(f"{'target':<12}{'executions':>12}{'a second':>10}{'edges':>8}{'features':>10}{'inputs':>8}  outcome")
    outcomes = [one(target, asked.seconds, work) for target in asked.targets or TARGETS]
    print(f"Inputs and findings are in {work}.")
    return 0 if all(outcomes) else 1


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", help="all of them where none is named")
    parser.add_argument("--seconds", type=int, default=300, help="for each target")
    parser.add_argument("--work", help="a folder that keeps inputs between runs; a new one under TMPDIR where missing")
    parser.add_argument("--drive", choices=TARGETS, help=argparse.SUPPRESS)
    asked, rest = parser.parse_known_args()
    asked.rest = rest
    return asked


def one(target: str, seconds: int, work: Path) -> bool:
    """True where nothing was found."""
    corpus, found = work / target / "inputs", work / target / "found"
    for folder in (corpus, found):
        folder.mkdir(parents=True, exist_ok=True)
    module = importlib.import_module(f"fuzz.{target}")
    for index, seed in enumerate(module.seeds()):
        (corpus / f"seed-{index:03}").write_bytes(seed)
    limits = [f"-max_total_time={seconds}", f"-max_len={MAX_BYTES}", f"-timeout={SLOW_S}", f"-rss_limit_mb={MEMORY_MB}"]
    if lines := [f'"{escaped(word)}"\n' for word in getattr(module, "WORDS", ())]:
        (work / target / "words").write_text("".join(lines), encoding="ascii")
        limits.append(f"-dict={work / target / 'words'}")
    command = [sys.executable, "-m", "fuzz.run", "--drive", target, str(corpus), f"-artifact_prefix={found}/", *limits]
    with (work / target / "log").open("w+", encoding="utf-8", errors="replace") as log:
        status = subprocess.run([*command, "-print_final_stats=1"], stdout=log, stderr=log, check=False).returncode
        log.seek(0)
        show(target, status, log.read(), work / target / "log")
    return status == 0


def escaped(word: bytes) -> str:
    """As libFuzzer's dictionaries want it."""
    return "".join(f"\\x{byte:02x}" for byte in word)


def show(target: str, status: int, said: str, log: Path) -> None:
    def last(pattern: str) -> str:
        return str((re.findall(pattern, said) or ["?"])[-1])

    outcome = "nothing found" if status == 0 else f"FOUND something: {log}"
    executions, rate = last(r"number_of_executed_units: (\d+)"), last(r"average_exec_per_sec: +(\d+)")
    edges, features, inputs = last(r"cov: (\d+)"), last(r"ft: (\d+)"), last(r"corp: (\d+)")
    print(f"{target:<12}{executions:>12}{rate:>10}{edges:>8}{features:>10}{inputs:>8}  {outcome}", flush=True)


def drive(target: str, rest: list[str]) -> None:
    """In a process of its own: instruments our package while it is imported, then never returns."""
    import atheris

    with atheris.instrument_imports(include=["evenhand"]):
        module = importlib.import_module(f"fuzz.{target}")
    next(iter(module.seeds()))
    module.run(b"")
    atheris.Setup([sys.argv[0], *rest], module.run)
    atheris.Fuzz()


if __name__ == "__main__":
    os.environ.pop("EVENHAND_UPSTREAM", None)
    raise SystemExit(main())
