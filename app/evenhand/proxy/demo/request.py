"""What the demo upstream reads from a request, and the errors the OpenAI images API would answer."""

import json
from dataclasses import dataclass
from typing import Any

SIZES = ("256x256", "512x512", "1024x1024", "1536x1024", "1024x1536", "1792x1024", "1024x1792")
_FORMATS = ("png", "jpeg", "webp")


class DemoError(Exception):
    """Answered as `{"error": {...}}`, like OpenAI."""

    def __init__(self, status: int, message: str, *, param: str | None = None, code: str | None = None) -> None:
        self.status = status
        self.body = {"error": {"message": message, "type": _kind(status), "param": param, "code": code}}
        super().__init__(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRequest:
    prompt: str
    n: int
    width: int
    height: int
    answers_url: bool
    output_format: str
    stream: bool
    partial_images: int


def image_request_of(body: bytes) -> ImageRequest:
    """Raises DemoError 400 as the API would."""
    data = _object(body)
    prompt = data.get("prompt")
    if not isinstance(prompt, str) or not prompt:
        raise DemoError(400, "Missing required parameter: 'prompt'.", param="prompt", code="missing_required_parameter")
    size = _choice(data, "size", ("auto", *SIZES), "1024x1024")
    width, height = (1024, 1024) if size == "auto" else map(int, size.split("x"))
    by_url = "url" if str(data.get("model", "")).startswith("dall-e") else "b64_json"
    return ImageRequest(
        prompt=prompt,
        n=_integer(data, "n", 1, 10, 1),
        width=width,
        height=height,
        answers_url=_choice(data, "response_format", ("url", "b64_json"), by_url) == "url",
        output_format=_choice(data, "output_format", _FORMATS, "png"),
        stream=data.get("stream") is True,
        partial_images=_integer(data, "partial_images", 0, 3, 0),
    )


def _object(body: bytes) -> dict[str, Any]:
    try:
        data = json.loads(body)
    except ValueError:
        raise DemoError(400, "We could not parse the JSON body of your request.") from None
    if not isinstance(data, dict):
        raise DemoError(400, "We expected a JSON object.")
    return data


def _choice(data: dict[str, Any], name: str, allowed: tuple[str, ...], default: str) -> str:
    value = data.get(name)
    if value is None:
        return default
    if value not in allowed:
        shown = ", ".join(f"'{each}'" for each in allowed)
        raise DemoError(400, f"Invalid value: '{value}'. Supported values are: {shown}.", param=name, code="invalid_value")
    return str(value)


def _integer(data: dict[str, Any], name: str, least: int, most: int, default: int) -> int:
    value = data.get(name)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        message = f"Invalid '{name}': expected an integer from {least} to {most}, but got {json.dumps(value)} instead."
        raise DemoError(400, message, param=name, code="integer_out_of_range")
    return value


def _kind(status: int) -> str:
    return {429: "requests", 401: "invalid_request_error"}.get(
        status, "server_error" if status >= 500 else "invalid_request_error"
    )
