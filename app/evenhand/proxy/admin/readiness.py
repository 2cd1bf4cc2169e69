"""The readiness of several workers as that of one service: each worker's /readyz comes in, one answer goes out. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """`about` is what the worker's own /readyz says; empty where it does not answer. `generation` counts its replacements."""

    worker: int
    generation: int = 0
    pid: int | None = None
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def status(self) -> str:
        return str(self.about.get("status", "away"))


def readiness_of(found: Sequence[Found]) -> dict[str, Any]:
    """`status` is `ready` only where every worker is; `starting` until the first one is, `incomplete` while one is replaced.

    Ages in seconds; the whole is as old as its oldest rules.
    """
    known = [each.about for each in found if "revision" in each.about]
    told: dict[str, Any] = {"status": _status([each.status for each in found])}
    if known:
        common = Counter(about["revision"] for about in known).most_common(1)[0][0]
        told |= next(about for about in known if about["revision"] == common) | told
        told |= {"age_s": max(about["age_s"] for about in known), "remarks": _remarks(known)}
    return told | {"workers": [_worker(each) for each in found]}


def _status(statuses: Sequence[str]) -> str:
    if "draining" in statuses:
        return "draining"
    ready = statuses.count("ready")
    return "ready" if ready == len(statuses) else "incomplete" if ready else "starting"


def _remarks(known: Sequence[dict[str, Any]]) -> list[str]:
    revisions = sorted({about["revision"] for about in known})
    said = list(dict.fromkeys(remark for about in known for remark in about["remarks"]))
    if len(revisions) > 1:
        said.append(f"Workers serve different revisions of the rules at the moment: {', '.join(revisions)}.")
    return said


def _worker(found: Found) -> dict[str, Any]:
    own = {key: found.about[key] for key in ("revision", "age_s", "last_reload") if key in found.about}
    return {"worker": found.worker, "status": found.status, "pid": found.pid, "replaced": found.generation} | own
