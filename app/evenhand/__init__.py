"""Evenhand varies only what an image prompt leaves open, and says why.

from evenhand import Engine, Prompt, load_rules
decision = Engine(load_rules()).decide(Prompt(text="a doctor"))
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evenhand.engine import Engine
    from evenhand.flow import Decision, Prompt
    from evenhand.proxy.plugins.middleware import EvenhandMiddleware
    from evenhand.proxy.plugins.transport import EvenhandTransport
    from evenhand.rules import load_rules

__version__ = "0.1.0"
__all__ = ["Decision", "Engine", "EvenhandMiddleware", "EvenhandTransport", "Prompt", "__version__", "load_rules"]

_DOORS = {
    "Decision": "evenhand.flow",
    "Engine": "evenhand.engine",
    "EvenhandMiddleware": "evenhand.proxy.plugins.middleware",
    "EvenhandTransport": "evenhand.proxy.plugins.transport",
    "Prompt": "evenhand.flow",
    "load_rules": "evenhand.rules",
}


def __getattr__(name: str) -> Any:
    if name not in _DOORS:
        raise AttributeError(f"module 'evenhand' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(_DOORS[name]), name)
