import json

import pytest

from evenhand.errors import BodyError, UpstreamError
from evenhand.proxy.refusal import Refusal, refusal_body, refusal_headers, refusal_of


def test_openai_shape_names_the_parameter() -> None:
    body = json.loads(refusal_body(refusal_of(BodyError("It is wrong.", pointer="/prompt")), "openai"))
    assert body == {
        "error": {"message": "It is wrong.", "type": "invalid_request_error", "param": "prompt", "code": "invalid_body"}
    }


def test_problem_shape() -> None:
    body = json.loads(refusal_body(Refusal(404, "Not here.", code="unknown_route"), "problem"))
    assert body == {"type": "about:blank", "title": "Not Found", "status": 404, "detail": "Not here.", "code": "unknown_route"}


def test_google_shape() -> None:
    body = json.loads(refusal_body(refusal_of(BodyError("It is wrong.")), "google"))
    assert body == {"error": {"code": 400, "message": "It is wrong.", "status": "INVALID_ARGUMENT"}}
    assert json.loads(refusal_body(Refusal(500, "x", code="fault"), "google"))["error"]["status"] == "INTERNAL"


def test_aws_shape_names_its_exception_in_a_header() -> None:
    refusal = refusal_of(BodyError("It is wrong."))
    assert json.loads(refusal_body(refusal, "aws")) == {"message": "It is wrong."}
    headers = dict(refusal_headers(refusal, "aws", b""))
    assert headers[b"x-amzn-errortype"] == b"ValidationException"
    assert headers[b"content-type"] == b"application/json"


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (BodyError("x", status=413), 413, "body_too_large"),
        (BodyError("x", status=415), 415, "unsupported_content"),
        (UpstreamError("x", status=504, sent=True), 504, "upstream_timeout"),
        (UpstreamError("x", status=502, sent=False), 502, "upstream_unavailable"),
    ],
)
def test_faults_become_refusals_that_are_never_retried(fault: BodyError | UpstreamError, status: int, code: str) -> None:
    refusal = refusal_of(fault)
    assert (refusal.status, refusal.code) == (status, code)
    assert (b"x-should-retry", b"false") in refusal_headers(refusal, "openai", b"")


def test_only_a_refusal_before_sending_invites_a_retry() -> None:
    headers = refusal_headers(Refusal(503, "x", code="c", retry=True, close=True), "problem", b"body")
    assert headers == [
        (b"content-type", b"application/problem+json"),
        (b"content-length", b"4"),
        (b"retry-after", b"1"),
        (b"connection", b"close"),
    ]
