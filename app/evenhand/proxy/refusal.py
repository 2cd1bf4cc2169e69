"""Answers we make ourselves: a `Refusal` goes up, status, headers and a JSON body go out.

OpenAI's, Google's and AWS's error shapes on their routes, RFC 9457 problem details elsewhere. An error that a client library
would retry by itself says `x-should-retry: false`, since a second try may buy a second picture.
"""

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from evenhand.dialects.spec import ErrorShape
from evenhand.errors import BodyError, UpstreamError
from evenhand.proxy.headers import Pairs

_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    404: "invalid_request_error",
    405: "invalid_request_error",
    408: "invalid_request_error",
    413: "invalid_request_error",
    415: "invalid_request_error",
    431: "invalid_request_error",
}
_GOOGLE = {
    400: "INVALID_ARGUMENT",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    408: "DEADLINE_EXCEEDED",
    413: "INVALID_ARGUMENT",
    415: "INVALID_ARGUMENT",
    431: "INVALID_ARGUMENT",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_AWS = {
    **dict.fromkeys((400, 405, 408, 413, 415, 431), "ValidationException"),
    404: "ResourceNotFoundException",
    503: "ServiceUnavailableException",
    504: "ModelTimeoutException",
}


class Refusal(Exception):
    """`retry` is True only where nothing was sent upstream and trying again makes sense; `close` ends the connection."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str,
        pointer: str = "",
        retry: bool = False,
        close: bool = False,
        headers: Pairs | None = None,
    ) -> None:
        self.status = status
        self.message = message
        self.code = code
        self.pointer = pointer
        self.retry = retry
        self.close = close
        self.headers = headers or []
        super().__init__(message)


def refusal_of(fault: BodyError | UpstreamError) -> Refusal:
    if isinstance(fault, BodyError):
        code = {413: "body_too_large", 415: "unsupported_content"}.get(fault.status, "invalid_body")
        return Refusal(fault.status, str(fault), code=code, pointer=fault.pointer, close=fault.status == 413)
    code = {504: "upstream_timeout", 400: "invalid_header"}.get(fault.status, "upstream_unavailable")
    return Refusal(fault.status, str(fault), code=code)


def refusal_headers(refusal: Refusal, shape: ErrorShape, body: bytes) -> Pairs:
    media = b"application/problem+json" if shape == "problem" else b"application/json"
    pairs = [(b"content-type", media), (b"content-length", str(len(body)).encode())]
    pairs.append((b"retry-after", b"1") if refusal.retry else (b"x-should-retry", b"false"))
    if shape == "aws":
        pairs.append((b"x-amzn-errortype", _AWS.get(refusal.status, "InternalServerException").encode()))
    if refusal.close:
        pairs.append((b"connection", b"close"))
    return pairs + refusal.headers


def refusal_body(refusal: Refusal, shape: ErrorShape) -> bytes:
    return json.dumps(_SHAPES[shape](refusal)).encode()


def problem(status: int, detail: str, **more: Any) -> dict[str, Any]:
    """Problem details (RFC 9457 §3)."""
    return {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **more}


def _openai(refusal: Refusal) -> dict[str, Any]:
    param = refusal.pointer.lstrip("/").replace("/", ".") or None
    kind = _KINDS.get(refusal.status, "server_error")
    return {"error": {"message": refusal.message, "type": kind, "param": param, "code": refusal.code}}


def _google(refusal: Refusal) -> dict[str, Any]:
    """The error model of Google's APIs (google.rpc.Status, as JSON)."""
    status = _GOOGLE.get(refusal.status, "INTERNAL")
    return {"error": {"code": refusal.status, "message": refusal.message, "status": status}}


_SHAPES: dict[ErrorShape, Callable[[Refusal], dict[str, Any]]] = {
    "openai": _openai,
    "google": _google,
    "aws": lambda refusal: {"message": refusal.message},
    "problem": lambda refusal: problem(refusal.status, refusal.message, code=refusal.code),
}
