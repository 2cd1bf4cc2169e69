"""The `boto3` library: signed requests, with and without credentials of our own, and bearer tokens.

The upstream checks signatures as AWS does: over the bytes and the host that arrived.
"""

import base64
import contextlib
import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

boto3 = pytest.importorskip("boto3", reason="the client library 'boto3' is not installed")
from botocore.auth import SigV4Auth  # noqa: E402
from botocore.awsrequest import AWSRequest  # noqa: E402
from botocore.config import Config  # noqa: E402
from botocore.credentials import Credentials  # noqa: E402
from botocore.exceptions import ClientError  # noqa: E402

OPEN, CLOSED = "a doctor reading", "a lighthouse at dusk"
NOVA = "amazon.nova-canvas-v1:0"
SECRETS = {"CLIENT": "client-secret", "SIDECAR": "sidecar-secret"}
REGION = "eu-west-1"


class Bedrock:
    """An ASGI app that draws for whom it knows: by a signature over what arrived, or by a bearer token."""

    def __init__(self, picture: Any) -> None:
        self.picture = picture
        self.known: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = (await receive())["body"]
        who = caller(scope, body)
        self.known.append(who)
        status, answer = (200, self._drawn(body)) if who else (403, {"message": "The signature does not match."})
        raw = json.dumps(answer).encode()
        kind = [] if who else [(b"x-amzn-errortype", b"InvalidSignatureException")]
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(raw)), *kind]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": raw})

    def _drawn(self, body: bytes) -> Any:
        asked = json.loads(body)
        if "messages" in asked:
            return {"content": [{"type": "text", "text": "Hello."}]}
        count = asked.get("imageGenerationConfig", {}).get("numberOfImages", 1)
        return {"images": [base64.b64encode(self.picture(text_of(asked))).decode()] * count}


def text_of(asked: Any) -> str:
    inner = next((value for name, value in asked.items() if name.endswith("Params")), {"text": asked.get("prompt")})
    return str(inner["text"])


def caller(scope: Any, body: bytes) -> str:
    """Whose signature or token it is; empty where it is nobody's."""
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    scheme, _, said = headers.get("authorization", "").partition(" ")
    if scheme == "Bearer":
        return said if said == "bedrock-api-key-1" else ""
    parts = dict(part.strip().split("=", 1) for part in said.split(","))
    name, _, region, *_ = parts["Credential"].split("/")
    names = parts["SignedHeaders"].split(";")
    url = f"http://{headers['host']}{scope['raw_path'].decode()}"
    covered = {each: headers[each] for each in names}
    request = AWSRequest(method=scope["method"], url=url, data=body, headers=covered)
    request.context["timestamp"] = headers["x-amz-date"]
    auth = SigV4Auth(Credentials(name, SECRETS[name]), "bedrock", region)
    own = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    return name if own == parts["Signature"] else ""


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """No AWS settings but those of a test; nothing asks a metadata service."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_BEARER_TOKEN_BEDROCK"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_REGION", REGION)


@pytest.fixture
def own_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sidecar's credentials; the client's are given to the client itself."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "SIDECAR")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRETS["SIDECAR"])


@pytest.fixture
def bedrock(serve_app: Any, picture: Any) -> Any:
    return serve_app(Bedrock(picture))


@pytest.fixture
def client_of(run_sidecar: Callable[..., Any], bedrock: Any, tap: Any) -> Iterator[Callable[..., Any]]:
    """client_of(signs=...) -> a bedrock-runtime client and a tap on what it sends."""
    with ExitStack() as stack:

        def make(*, signs: bool = True, **more: Any) -> Any:
            sidecar = stack.enter_context(run_sidecar(upstream=bedrock.origin, dialects="bedrock", **more))
            line, verify = _with_tls(stack, tap, sidecar.url) if not signs else (tap(sidecar.url), None)
            keys = {"aws_access_key_id": "CLIENT", "aws_secret_access_key": SECRETS["CLIENT"]} if signs else {"verify": verify}
            once = Config(retries={"max_attempts": 0}, proxies={})
            made = boto3.client("bedrock-runtime", region_name=REGION, endpoint_url=line.origin, config=once, **keys)
            stack.callback(made.close)
            return made, line

        yield make


def _with_tls(stack: ExitStack, tap: Any, url: str) -> tuple[Any, str]:
    """The library sends bearer tokens by https only."""
    trustme = pytest.importorskip("trustme", reason="makes the certificates for TLS before the sidecar")
    context, authority = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), trustme.CA()
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return tap(url, context=context), stack.enter_context(authority.cert_pem.tempfile())


def draw(client: Any, *, model: str = NOVA, **body: Any) -> tuple[Any, dict[str, str]]:
    answer = client.invoke_model(modelId=model, body=json.dumps(body), contentType="application/json")
    with answer["body"] as stream:
        return json.loads(stream.read()), answer["ResponseMetadata"]["HTTPHeaders"]


def nova(prompt: str, **config: Any) -> dict[str, Any]:
    return {
        "taskType": "TEXT_IMAGE",
        "textToImageParams": {"text": prompt, "negativeText": "a nurse"},
        "imageGenerationConfig": {"width": 512, **config},
    }


@pytest.mark.usefixtures("own_keys")
def test_with_credentials_a_changed_body_is_signed_anew(client_of: Any, bedrock: Any, is_picture: Any) -> None:
    client, _ = client_of()
    answer, headers = draw(client, **nova(OPEN))
    (arrived,) = bedrock.arrived
    assert bedrock.app.known == ["SIDECAR"]
    assert [is_picture(image) for image in answer["images"]] == [True]
    assert headers["x-evenhand-decision"] == "rewritten"
    assert arrived.json["textToImageParams"]["text"] != OPEN
    assert arrived.json["textToImageParams"]["negativeText"] == "a nurse"


@pytest.mark.usefixtures("own_keys")
def test_a_body_without_a_content_type_is_json(client_of: Any, bedrock: Any) -> None:
    client, _ = client_of()
    client.invoke_model(modelId=NOVA, body=json.dumps(nova(OPEN)))["body"].close()
    (arrived,) = bedrock.arrived
    assert "content-type" not in arrived.headers
    assert bedrock.app.known == ["SIDECAR"]
    assert arrived.json["textToImageParams"]["text"] != OPEN


@pytest.mark.usefixtures("own_keys")
def test_several_pictures_are_drawn_one_by_one(client_of: Any, bedrock: Any, is_picture: Any) -> None:
    client, _ = client_of()
    answer, _ = draw(client, **nova(OPEN, numberOfImages=3, seed=7))
    assert bedrock.app.known == ["SIDECAR"] * 3
    assert [is_picture(image) for image in answer["images"]] == [True] * 3
    configs = [each.json["imageGenerationConfig"] for each in bedrock.arrived]
    assert sorted((each["numberOfImages"], each["seed"]) for each in configs) == [(1, 7), (1, 8), (1, 9)]


@pytest.mark.usefixtures("own_keys")
@pytest.mark.parametrize(
    ("model", "body"),
    [
        (NOVA, nova(CLOSED)),
        (NOVA, {"taskType": "INPAINTING", "inPaintingParams": {"text": OPEN, "image": "aGk=", "maskPrompt": "a nurse"}}),
        ("anthropic.claude-3-haiku-20240307-v1:0", {"messages": [{"role": "user", "content": OPEN}], "max_tokens": 9}),
    ],
    ids=["nothing open", "an edit", "a language model"],
)
def test_what_arrives_byte_for_byte_is_signed_for_the_upstream_s_host(
    client_of: Any, bedrock: Any, model: str, body: dict[str, Any]
) -> None:
    client, line = client_of()
    draw(client, model=model, **body)
    (arrived,) = bedrock.arrived
    assert bedrock.app.known == ["SIDECAR"]
    assert line.carried(arrived.body)


@pytest.mark.usefixtures("own_keys")
@pytest.mark.parametrize(
    "model",
    [
        "stability.sd3-5-large-v1:0",
        "us.stability.stable-image-core-v1:1",
        f"arn:aws:bedrock:{REGION}:1:application-inference-profile/x",
    ],
)
def test_other_models_and_ids(client_of: Any, bedrock: Any, is_picture: Any, model: str) -> None:
    client, _ = client_of()
    answer, _ = draw(client, model=model, prompt=OPEN, mode="text-to-image", seed=5)
    assert bedrock.app.known == ["SIDECAR"]
    assert bedrock.arrived[0].json["prompt"] != OPEN
    assert is_picture(answer["images"][0])


def test_without_credentials_the_signed_original_goes_on(client_of: Any, bedrock: Any) -> None:
    client, line = client_of()
    sent: dict[str, str] = {}
    client.meta.events.register("after-call.bedrock-runtime", lambda http_response, **_: sent.update(http_response.headers))
    with pytest.raises(ClientError, match="signature does not match"):  # the host is another one: only a sidecar can sign for it
        draw(client, **nova(OPEN))
    (arrived,) = bedrock.arrived
    told = {name.lower(): value for name, value in sent.items()}
    assert told["x-evenhand-decision"] == "shadow"
    assert told["x-evenhand-remarks"] == "signed"
    assert line.carried(arrived.body)
    assert line.carried(arrived.headers["authorization"].encode())
    assert arrived.json == nova(OPEN)


@pytest.mark.usefixtures("own_keys")
def test_a_bearer_token_needs_no_signature(
    client_of: Any, bedrock: Any, is_picture: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "bedrock-api-key-1")
    client, _ = client_of(signs=False)
    answer, headers = draw(client, **nova(OPEN))
    (arrived,) = bedrock.arrived
    assert bedrock.app.known == ["bedrock-api-key-1"]
    assert is_picture(answer["images"][0])
    assert headers["x-evenhand-decision"] == "rewritten"
    assert arrived.headers["authorization"] == "Bearer bedrock-api-key-1"
    assert "x-amz-date" not in arrived.headers


@pytest.mark.usefixtures("own_keys")
def test_our_errors_are_exceptions_of_the_library(client_of: Any, bedrock: Any) -> None:
    client, _ = client_of()
    with pytest.raises(client.exceptions.ValidationException, match="at most 32,000 are allowed"):
        draw(client, **nova("a doctor " * 5_000))
    assert bedrock.arrived == []


@pytest.mark.usefixtures("own_keys")
def test_a_path_that_passes_is_signed_for_the_upstream_s_host_too(client_of: Any, bedrock: Any) -> None:
    client, _ = client_of()
    message = {"role": "user", "content": [{"text": OPEN}]}
    with contextlib.suppress(Exception):
        client.converse(modelId="anthropic.claude-3-haiku-20240307-v1:0", messages=[message])
    assert bedrock.app.known == ["SIDECAR"]
    assert bedrock.arrived[0].json["messages"] == [message]
