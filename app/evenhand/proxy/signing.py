"""AWS signatures (SigV4): they cover the body and the host, so a request that we change or readdress is signed anew.

Credentials come from where AWS's own tools look for them, never from the client. Needs the extra `aws` (botocore).
"""

import os
import re
from dataclasses import dataclass
from typing import Any

import httpx

from evenhand.errors import SettingsError
from evenhand.proxy.headers import Pairs, first

_REGION = re.compile(r"\.([a-z]{2}(?:-[a-z]+)+-[0-9])\.")
_SERVICE = "bedrock"
# Sent on, but not signed: what a proxy on the way may change.
_UNSIGNED = re.compile(rb"x-forwarded-.*|x-request-id|forwarded|via|traceparent|tracestate|user-agent|accept-encoding|connection")
_OLD_SIGNATURE = frozenset({b"authorization", b"x-amz-date", b"x-amz-security-token", b"x-amz-content-sha256"})


def signs(pairs: Pairs) -> bool:
    """Whether the client signed its request, rather than sending a bearer token."""
    return (first(pairs, b"authorization") or b"").startswith(b"AWS4-")


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs for one region with credentials that renew themselves."""

    credentials: Any
    region: str

    def signed(self, method: str, url: httpx.URL, target: bytes, headers: Pairs, body: bytes) -> Pairs:
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest

        kept = [(name, value) for name, value in headers if name not in _OLD_SIGNATURE]
        covered = {name.decode(): value.decode("latin-1") for name, value in kept if not _UNSIGNED.fullmatch(name)}
        whole = f"{url.scheme}://{url.netloc.decode()}{target.decode('ascii')}"
        request = AWSRequest(method=method, url=whole, data=body, headers=covered)
        SigV4Auth(self.credentials.get_frozen_credentials(), _SERVICE, self.region).add_auth(request)
        ours = [(name.lower().encode(), str(request.headers[name]).encode()) for name in ("Authorization", "X-Amz-Date")]
        if token := request.headers.get("X-Amz-Security-Token"):
            ours.append((b"x-amz-security-token", str(token).encode()))
        return kept + ours


def signer_of(origin: str, region: str | None = None) -> Signer | None:
    """The region told; else the host's; else that of AWS_REGION, AWS_DEFAULT_REGION or the profile.

    None where botocore, credentials or the region are missing: then signed requests can't be changed.
    """
    try:
        from botocore.session import Session
    except ImportError:
        return None
    try:
        session = Session()
        found = session.get_credentials()
        told = _REGION.search(f".{httpx.URL(origin).host}.")
        where = region or (told[1] if told else os.environ.get("AWS_REGION") or session.get_config_variable("region"))
    except Exception as fault:
        raise SettingsError(f"The AWS credentials can't be used: {type(fault).__name__}; see the AWS documentation.") from None
    return Signer(found, str(where)) if found is not None and where else None
