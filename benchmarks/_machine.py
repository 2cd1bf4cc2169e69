"""What the benchmarks share: the prompts, the machine and versions they ran with, a process's memory and processor time."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

import evenhand
from evenhand.rules import load_rules

HERE = Path(__file__).resolve().parent
PROMPTS = (HERE / "prompts.txt").read_text(encoding="utf-8").splitlines()
WORDS = [len(prompt.split()) for prompt in PROMPTS]
TICKS_S = os.sysconf("SC_CLK_TCK")
console = Console(width=110, highlight=False)


def rank(values: Sequence[float], share: float) -> float:
    """The value that `share` of all are not above (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def memory_mb(pid: int) -> float:
    """Resident memory in millions of bytes; Linux only."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def processor_s(pid: int) -> float:
    """User and system time a process has used so far, in seconds; Linux only."""
    return sum(_ticks(pid)[:2]) / TICKS_S


def ended_children_s(pid: int) -> float:
    """What children of a process had used when they ended, in seconds; Linux only."""
    return sum(_ticks(pid)[2:]) / TICKS_S


def _ticks(pid: int) -> list[int]:
    """utime, stime, cutime, cstime (proc_pid_stat(5))."""
    return [int(field) for field in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15]]


def facts(*packages: str) -> dict[str, str]:
    rules = load_rules()
    return {
        "machine": f"{_processor()}, {os.cpu_count()} cores",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "versions": ", ".join(f"{name} {version(name)}" for name in packages),
        "evenhand": f"{evenhand.__version__}, rules {rules.revision}: {rules.phrase_count:,} phrases",
        "at": datetime.now(UTC).isoformat(timespec="minutes"),
    }


def show_machine(*packages: str) -> None:
    table = Table(title="Measured on", show_header=False, title_justify="left")
    for name, value in facts(*packages).items():
        table.add_row(name, value)
    table.add_row("load", f"{os.getloadavg()[0]:.1f} at the start")
    table.add_row("prompts", f"{len(PROMPTS)}, of {min(WORDS)} to {max(WORDS)} words")
    console.print(table)


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
