"""Rules as people write them, checked, loaded and compiled. The doors: `load_rules`, `shipped_rules`, `Ruleset`."""

from pathlib import Path

from evenhand.rules.cache import cached
from evenhand.rules.compile import compile_rules
from evenhand.rules.load import load_folder, shipped_rules
from evenhand.rules.ruleset import Ruleset

__all__ = ["Ruleset", "load_rules", "shipped_rules"]


def load_rules(root: Path | None = None) -> Ruleset:
    """The shipped rules where no folder is given. Raises RuleError with every problem."""
    folder = root or shipped_rules()
    return cached(folder, lambda: compile_rules(load_folder(folder)))
