"""Environment (`EVENHAND_*`) and flags -> one frozen `Settings`.

Flags win over the environment. Whatever can't be used is a SettingsError whose sentences name the setting, the value and
the fix. This room opens no file and no socket.
"""

import ipaddress
import secrets
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from evenhand.errors import SettingsError

Port = Annotated[int, Field(ge=0, le=65_535)]
_PREFIX = "EVENHAND_"
_DATABASES = ("sqlite", "postgresql", "postgresql+psycopg")
_LOCAL_NAMES = {"localhost", "ip6-localhost", "0.0.0.0", "::", ""}


class Settings(BaseSettings):
    """Each field is an environment variable: `port` is EVENHAND_PORT. Sizes are in bytes, times in seconds."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True, extra="ignore", env_ignore_empty=True)

    host: str = "127.0.0.1"
    port: Port = 8080
    admin_host: str = "127.0.0.1"
    admin_port: Port = 8081
    admin_token: SecretStr | None = None
    rules: Path | None = Field(default=None, description="The folder of rules; the shipped ones where it is missing.")
    upstream: str | None = Field(default=None, description="Origin of the image API; overrides every upstream of the rules.")
    dialects: str = Field(default="", description="Names of the dialects that `upstream` speaks, with commas; else by its host.")
    dialect_folder: Path | None = Field(default=None, description="A folder of your own dialect files.")
    demo: bool = False
    workers: int = Field(default=1, ge=1, le=256, description="Processes that share the data port; about one a core.")
    edit_rules: bool = Field(default=False, description="Let the page at the admin port save rule files.")
    secret: SecretStr = Field(
        default_factory=lambda: SecretStr(secrets.token_hex(32)),
        description="Key for `sampling: by: prompt` and the log's prompt hashes; set it where processes must agree on them.",
    )
    tenant_header: bool = Field(default=False, description="Believe X-Evenhand-Tenant; only where a gateway in front sets it.")
    body_bytes: int = Field(default=1_048_576, ge=1_024, le=67_108_864, description="Of a request without pictures.")
    upload_bytes: int = Field(default=134_217_728, ge=1_024, description="Of a request that may carry pictures.")
    memory_bytes: int = Field(default=8_388_608, ge=65_536, description="Larger bodies wait in a file under TMPDIR.")
    batch_bytes: int = Field(default=33_554_432, ge=1_024)
    answer_bytes: int = Field(default=67_108_864, ge=65_536, description="Larger answers stream on without a revised prompt.")
    header_bytes: int = Field(default=32_768, ge=1_024)
    http_parser: Literal["auto", "httptools", "h11"] = Field(default="auto", description="The fast one where it is installed.")
    max_connections: int = Field(default=4_096, ge=1, le=65_536, description="From clients, to each port; one more gets a 503.")
    header_timeout_s: float = Field(default=10, gt=0, le=600, description="A header block must have arrived by then.")
    body_timeout_s: float = Field(default=30, gt=0, le=600, description="A request body must have arrived by then.")
    timeout_s: float = Field(default=600, gt=0, le=3_600)
    connect_timeout_s: float = Field(default=5, gt=0, le=120)
    connections: int = Field(default=4_096, ge=1, le=65_536, description="To all upstreams together.")
    pool_wait_s: float = Field(default=1, gt=0, le=60, description="For one of those connections; who waits longer gets a 503.")
    split_at_once: int = Field(
        default=10, ge=1, le=10, description="Single-image requests of one client request under way at once."
    )
    grace_s: float = Field(default=120, ge=0, le=3_600, description="How long requests under way may take after SIGTERM.")
    drain_delay_s: float = Field(default=1, ge=0, le=60, description="Between /readyz saying 503 and the port closing.")
    log_format: Literal["json", "text"] = "json"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    decision_log: str | None = Field(
        default=None, repr=False, description="One line a decision: stdout, a file, sqlite, or a database URL; off where missing."
    )
    decision_log_prompts: bool = Field(default=False, description="Keep the words of prompts; else they are erased.")
    decision_log_sample: float = Field(
        default=1.0, ge=0, le=1, description="Share kept; bypasses, refusals and drift always are."
    )
    decision_log_bytes: int = Field(default=104_857_600, ge=65_536, description="A log file is put aside at this size.")
    decision_log_files: int = Field(default=10, ge=1, le=10_000, description="How many files put aside are kept.")
    decision_log_queue: int = Field(default=10_000, ge=1, le=1_000_000, description="Lines that may wait; more are dropped.")

    @field_validator("upstream")
    @classmethod
    def _is_origin(cls, value: str | None) -> str | None:
        return None if value is None else origin_of(value)

    @field_validator("decision_log")
    @classmethod
    def _is_log(cls, value: str | None) -> str | None:
        return None if value is None else log_of(value)

    @model_validator(mode="after")
    def _consistent(self) -> "Settings":
        if self.port == self.admin_port != 0:
            raise ValueError(f"port and admin_port are both {self.port}; give them different numbers")
        if self.admin_token is None and not is_loopback(self.admin_host):
            raise ValueError(f"admin_host {self.admin_host} is reachable from outside; set {_PREFIX}ADMIN_TOKEN or use 127.0.0.1")
        if self.upstream:
            refuse_own_ports(self, [self.upstream])
        return self


def load_settings(**flags: Any) -> Settings:
    """Flags that are None count as not given. Raises SettingsError with every problem, one a line."""
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        raise SettingsError("\n".join(_sentence(problem, given) for problem in error.errors())) from None


def origin_of(url: str) -> str:
    """Scheme, host and port of an image API. Raises ValueError where there is more or less than that."""
    parts = urlsplit(url)
    bare = not (parts.path.rstrip("/") or parts.query or parts.fragment or parts.username or "@" in parts.netloc)
    if parts.scheme not in ("http", "https") or not parts.hostname or not bare:
        raise ValueError("write it as scheme, host and port only, such as https://api.openai.com")
    _ = parts.port
    return f"{parts.scheme}://{parts.netloc}"


def log_of(value: str) -> str | None:
    """Where the decision log goes; "off" is nowhere. Raises ValueError for what is no place to write."""
    kind, is_url, rest = value.partition("://")
    if value in ("", "off"):
        return None
    if value == "sqlite":
        return "sqlite:///decisions.db"
    if is_url and kind not in _DATABASES:
        raise ValueError(f"'{kind}' is no database we write to; use sqlite:///FILE or postgresql+psycopg://USER@HOST/DATABASE")
    if kind == "sqlite" and is_url and rest.lstrip("/") in ("", ":memory:"):
        raise ValueError("a database in memory is lost at the end; name a file, such as sqlite:///decisions.db")
    return value


def is_loopback(host: str) -> bool:
    return host in ("localhost", "ip6-localhost") or bool((address := _address(host)) and address.is_loopback)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Resolvers take 127.1, 0x7f.0.0.1, 2130706433 and ::ffff:127.0.0.1 for 127.0.0.1, and so must we."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        try:
            return ipaddress.IPv4Address(socket.inet_aton(host))
        except (OSError, ValueError):
            return None
    return getattr(address, "ipv4_mapped", None) or address


def refuse_own_ports(settings: Settings, origins: Iterable[str]) -> None:
    """An upstream that is ourselves would loop, or open the admin port to clients. Raises SettingsError."""
    own = {settings.port: "data", settings.admin_port: "admin"}
    ours = {settings.host, settings.admin_host} | _LOCAL_NAMES
    for origin in origins:
        parts = urlsplit(origin)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        host = (parts.hostname or "").rstrip(".")
        address = _address(host)
        if port in own and (host in ours or is_loopback(host) or (address and address.is_unspecified)):
            raise SettingsError(f"The upstream {origin} is our own {own[port]} port; point it at the image API instead.")


def _sentence(problem: ErrorDetails, flags: dict[str, Any]) -> str:
    said = problem["msg"].removeprefix("Value error, ")
    if not problem["loc"]:
        return f"{said[0].upper()}{said[1:]}."
    name = str(problem["loc"][0])
    flag, variable = f"--{name.replace('_', '-')}", f"{_PREFIX}{name.upper()}"
    secret = "token" in name or name == "secret" or ("://" in str(problem["input"]) and name == "decision_log")
    shown = "" if secret else f" {problem['input']!r}"
    return f"{flag if name in flags else variable}{shown}: {said[0].lower()}{said[1:]}."
