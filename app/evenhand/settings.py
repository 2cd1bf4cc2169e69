"""Environment (`EVENHAND_*`) and flags -> one frozen `Settings`.

Flags win over the environment. Whatever can't be used is a SettingsError whose sentences name the setting, the value and
the fix. This room opens no file and no socket.
"""

import ipaddress
import secrets
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
_LOCAL_NAMES = {"localhost", "ip6-localhost", "0.0.0.0", "::", ""}


class Settings(BaseSettings):
    """Each field is an environment variable: `port` is EVENHAND_PORT. Sizes are in bytes, times in seconds."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True, extra="ignore")

    host: str = "127.0.0.1"
    port: Port = 8080
    admin_host: str = "127.0.0.1"
    admin_port: Port = 8081
    admin_token: SecretStr | None = None
    rules: Path | None = Field(default=None, description="The folder of rules; the shipped ones where it is missing.")
    upstream: str | None = Field(default=None, description="Origin of the image API; overrides every upstream of the rules.")
    demo: bool = False
    secret: SecretStr = Field(
        default_factory=lambda: SecretStr(secrets.token_hex(32)), description="Key for `sampling: by: prompt`."
    )
    tenant_header: bool = Field(default=False, description="Believe X-Evenhand-Tenant; only where a gateway in front sets it.")
    body_bytes: int = Field(default=1_048_576, ge=1_024, le=1_048_576)
    batch_bytes: int = Field(default=33_554_432, ge=1_024)
    answer_bytes: int = Field(default=67_108_864, ge=65_536, description="Larger answers stream on without a revised prompt.")
    header_bytes: int = Field(default=32_768, ge=1_024)
    header_timeout_s: float = Field(default=10, gt=0, le=600, description="A header block must have arrived by then.")
    body_timeout_s: float = Field(default=30, gt=0, le=600, description="A request body must have arrived by then.")
    timeout_s: float = Field(default=600, gt=0, le=3_600)
    connect_timeout_s: float = Field(default=5, gt=0, le=120)
    connections: int = Field(default=4_096, ge=1, le=65_536, description="To all upstreams together.")
    split_at_once: int = Field(
        default=10, ge=1, le=10, description="Single-image requests of one client request under way at once."
    )
    grace_s: float = Field(default=120, ge=0, le=3_600, description="How long requests under way may take after SIGTERM.")
    drain_delay_s: float = Field(default=1, ge=0, le=60, description="Between /readyz saying 503 and the port closing.")
    log_format: Literal["json", "text"] = "json"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("upstream")
    @classmethod
    def _is_origin(cls, value: str | None) -> str | None:
        return None if value is None else origin_of(value)

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


def is_loopback(host: str) -> bool:
    if host in ("localhost", "ip6-localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def refuse_own_ports(settings: Settings, origins: Iterable[str]) -> None:
    """An upstream that is ourselves would loop, or open the admin port to clients. Raises SettingsError."""
    own = {settings.port: "data", settings.admin_port: "admin"}
    ours = {settings.host, settings.admin_host} | _LOCAL_NAMES
    for origin in origins:
        parts = urlsplit(origin)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        host = (parts.hostname or "").rstrip(".")
        if port in own and (host in ours or is_loopback(host)):
            raise SettingsError(f"The upstream {origin} is our own {own[port]} port; point it at the image API instead.")


def _sentence(problem: ErrorDetails, flags: dict[str, Any]) -> str:
    said = problem["msg"].removeprefix("Value error, ")
    if not problem["loc"]:
        return f"{said[0].upper()}{said[1:]}."
    name = str(problem["loc"][0])
    flag, variable = f"--{name.replace('_', '-')}", f"{_PREFIX}{name.upper()}"
    shown = "" if "token" in name or name == "secret" else f" {problem['input']!r}"
    return f"{flag if name in flags else variable}{shown}: {said[0].lower()}{said[1:]}."
