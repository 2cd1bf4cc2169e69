"""A policy with parts for routes and tenants -> the policy that holds for one request. The tenant wins over the route."""

from dataclasses import dataclass, field

from evenhand.rules.schema import PolicyFile, PolicyPart
from evenhand.text import like


@dataclass(frozen=True, slots=True)
class Policies:
    """Each combination of parts is put together once; there are no more than routes times tenants of the file."""

    policy: PolicyFile
    _known: dict[tuple[tuple[str, ...], str], PolicyFile] = field(default_factory=dict)

    def of(self, *, route: str = "", tenant: str = "") -> PolicyFile:
        routes = tuple(pattern for pattern in self.policy.routes if like(pattern, route))
        named = tenant if tenant in self.policy.tenants else ""
        if not routes and not named:
            return self.policy
        key = (routes, named)
        if key not in self._known:
            parts = [self.policy.routes[pattern] for pattern in routes] + ([self.policy.tenants[named]] if named else [])
            self._known[key] = _with(self.policy, parts)
        return self._known[key]


def _with(policy: PolicyFile, parts: list[PolicyPart]) -> PolicyFile:
    changes: dict[str, object] = {}
    axes = dict(policy.axes)
    for part in parts:
        changes |= part.model_dump(exclude_none=True, exclude={"axes"})
        axes |= part.axes
    return policy.model_copy(update={**changes, "axes": axes})
