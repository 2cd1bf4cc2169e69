from typing import Any

import httpx
import pytest

from evenhand.proxy.signing import Signer, signer_of, signs

botocore = pytest.importorskip("botocore", reason="needs the extra 'aws'")
from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth  # noqa: E402
from botocore.awsrequest import AWSRequest  # noqa: E402
from botocore.credentials import Credentials  # noqa: E402
from botocore.exceptions import PartialCredentialsError  # noqa: E402

TARGET = b"/model/amazon.nova-canvas-v1%3A0/invoke"
URL = httpx.URL("https://bedrock-runtime.us-east-1.amazonaws.com")
HEADERS = [
    (b"host", b"bedrock-runtime.us-east-1.amazonaws.com"),
    (b"content-type", b"application/json"),
    (b"content-length", b"2"),
    (b"authorization", b"AWS4-HMAC-SHA256 Credential=client/x, SignedHeaders=host, Signature=00"),
    (b"x-amz-date", b"20200101T000000Z"),
    (b"x-amz-security-token", b"client-token"),
    (b"x-amz-content-sha256", b"client-hash"),
    (b"x-request-id", b"r-1"),
    (b"user-agent", b"sdk"),
]


@pytest.fixture(autouse=True)
def _no_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """No credentials and no region but those that a test sets."""
    for name in (
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_PROFILE",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "sidecar")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sidecar-secret")


def signature_of(headers: dict[str, str], body: bytes, *, secret: str, region: str) -> str:
    """What AWS computes for a request as it arrived."""
    told = headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    url = f"https://{headers['host']}{TARGET.decode()}"
    request = AWSRequest(method="POST", url=url, data=body, headers={name: headers[name] for name in told})
    request.context["timestamp"] = headers["x-amz-date"]
    auth = SigV4Auth(Credentials("sidecar", secret), "bedrock", region)
    return str(auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request))


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([(b"authorization", b"AWS4-HMAC-SHA256 Credential=x")], True),
        ([(b"authorization", b"AWS4-ECDSA-P256-SHA256 Credential=x")], True),
        ([(b"authorization", b"Bearer x")], False),
        ([], False),
    ],
)
def test_a_signature_is_told_from_a_token(headers: list[tuple[bytes, bytes]], expected: bool) -> None:
    assert signs(headers) is expected


@pytest.mark.parametrize("token", [None, "session-token"])
def test_the_client_s_signature_gives_way_to_ours(token: str | None) -> None:
    signer = Signer(Credentials("sidecar", "sidecar-secret", token), "us-east-1")
    pairs = signer.signed("POST", URL, TARGET, HEADERS, b"{}")
    headers = {name.decode(): value.decode() for name, value in pairs}
    assert len(headers) == len(pairs)
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=sidecar/")
    assert "/us-east-1/bedrock/aws4_request" in headers["authorization"]
    assert headers["authorization"].endswith(signature_of(headers, b"{}", secret="sidecar-secret", region="us-east-1"))
    assert not headers["authorization"].endswith(signature_of(headers, b"{ }", secret="sidecar-secret", region="us-east-1"))
    assert headers.get("x-amz-security-token") == token
    assert headers["x-request-id"] == "r-1"
    assert "x-amz-content-sha256" not in headers


def test_what_a_proxy_may_change_is_not_covered() -> None:
    pairs = Signer(Credentials("sidecar", "s"), "us-east-1").signed("POST", URL, TARGET, HEADERS, b"{}")
    covered = dict(pairs)[b"authorization"].partition(b"SignedHeaders=")[2].partition(b",")[0].split(b";")
    assert {b"host", b"content-type", b"x-amz-date"} <= set(covered)
    assert not {b"user-agent", b"x-request-id"} & set(covered)


def test_the_date_is_now() -> None:
    headers = dict(Signer(Credentials("sidecar", "s"), "us-east-1").signed("POST", URL, TARGET, HEADERS, b"{}"))
    assert len(headers[b"x-amz-date"]) == len("20200101T000000Z")
    assert headers[b"x-amz-date"] != b"20200101T000000Z"
    assert SIGV4_TIMESTAMP == "%Y%m%dT%H%M%SZ"


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize(
    ("origin", "told", "environment", "expected"),
    [
        ("https://bedrock-runtime.eu-west-3.amazonaws.com", None, {"AWS_REGION": "us-east-1"}, "eu-west-3"),
        ("https://bedrock-runtime.us-gov-west-1.amazonaws.com", None, {}, "us-gov-west-1"),
        ("https://bedrock-runtime.cn-north-1.amazonaws.com.cn", None, {}, "cn-north-1"),
        ("https://vpce-1.bedrock-runtime.us-east-2.vpce.amazonaws.com", None, {}, "us-east-2"),
        ("https://bedrock-runtime.eu-west-3.amazonaws.com", "us-east-1", {}, "us-east-1"),
        ("http://127.0.0.1:9", None, {"AWS_REGION": "ap-south-1"}, "ap-south-1"),
        ("http://127.0.0.1:9", None, {"AWS_DEFAULT_REGION": "ap-south-1"}, "ap-south-1"),
        ("http://127.0.0.1:9", None, {"AWS_REGION": "eu-north-1", "AWS_DEFAULT_REGION": "ap-south-1"}, "eu-north-1"),
        ("http://127.0.0.1:9", "ca-central-1", {"AWS_REGION": "ap-south-1"}, "ca-central-1"),
        ("http://127.0.0.1:9", None, {}, None),
    ],
)
def test_where_the_region_comes_from(
    monkeypatch: pytest.MonkeyPatch, origin: str, told: str | None, environment: dict[str, str], expected: str | None
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    signer = signer_of(origin, told)
    assert (signer.region if signer else None) == expected


def test_the_profile_tells_keys_and_region(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    (tmp_path / "config").write_text("[profile art]\nregion = eu-central-1\n")
    (tmp_path / "credentials").write_text("[art]\naws_access_key_id = a\naws_secret_access_key = b\n")
    monkeypatch.setenv("AWS_PROFILE", "art")
    signer = signer_of("http://127.0.0.1:9")
    assert signer is not None
    assert (signer.region, signer.credentials.access_key) == ("eu-central-1", "a")


def test_without_credentials_there_is_no_signer() -> None:
    assert signer_of("https://bedrock-runtime.us-east-1.amazonaws.com") is None


def test_credentials_that_can_t_be_used_are_told_without_their_values(monkeypatch: pytest.MonkeyPatch) -> None:
    from evenhand.errors import SettingsError

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "half-a-pair")
    with pytest.raises(SettingsError, match=PartialCredentialsError.__name__) as caught:
        signer_of("https://bedrock-runtime.us-east-1.amazonaws.com")
    assert "half-a-pair" not in str(caught.value)
