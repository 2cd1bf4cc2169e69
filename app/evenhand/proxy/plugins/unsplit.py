"""The same service without splitting: n images stay one request, for places where a request can't be made several.

`images: shared` in every part of the policy; nothing else differs, the revision neither.
"""

from dataclasses import replace

from evenhand.proxy.live import Live
from evenhand.rules.policies import Policies
from evenhand.rules.schema import PolicyFile


def unsplit(live: Live) -> Live:
    policies = Policies(shared(live.serving.policies.policy))
    return Live(settings=live.settings, serving=replace(live.serving, policies=policies), ledger=live.ledger)


def shared(policy: PolicyFile) -> PolicyFile:
    """A part that says nothing of images takes what the policy says."""
    routes = {name: part.model_copy(update={"images": None}) for name, part in policy.routes.items()}
    tenants = {name: part.model_copy(update={"images": None}) for name, part in policy.tenants.items()}
    return policy.model_copy(update={"images": "shared", "routes": routes, "tenants": tenants})
