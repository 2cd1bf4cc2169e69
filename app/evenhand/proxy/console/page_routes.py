"""The page's static files at `/` and `/page/`: read once, served as they are, under a strict content security policy.

A path is looked up in a table, so none leads out of the folder. Knows no prompt, needs no token.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import Response

PAGE = Path(__file__).parent / "page"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
MEDIA = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class PageFile:
    body: bytes
    media: str
    tag: str


@cache
def page_files() -> dict[str, PageFile]:
    """By path below the folder. A file of a kind that MEDIA does not name is not served."""
    found = [path for path in sorted(PAGE.rglob("*")) if path.is_file() and path.suffix in MEDIA]
    return {path.relative_to(PAGE).as_posix(): _read(path) for path in found}


def _read(path: Path) -> PageFile:
    body = path.read_bytes()
    return PageFile(body, MEDIA[path.suffix], f'"{hashlib.sha256(body).hexdigest()[:16]}"')


def page_routes() -> APIRouter:
    """`/` and `/page/...`, which hold no secret; the API behind them asks for the token where one is set."""
    router = APIRouter()

    @router.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    async def index(request: Request) -> Response:
        return _answer(page_files().get("index.html"), request)

    @router.api_route("/page/{name:path}", methods=["GET", "HEAD"], include_in_schema=False)
    async def static(name: str, request: Request) -> Response:
        return _answer(page_files().get(name), request)

    return router


def _answer(file: PageFile | None, request: Request) -> Response:
    if file is None:
        return Response("There is no such file.", 404, HEADERS, "text/plain")
    is_html = file.media.startswith("text/html")
    headers = HEADERS | {"ETag": file.tag, "Cache-Control": "no-store" if is_html else "no-cache"}
    if not is_html and request.headers.get("if-none-match") == file.tag:
        return Response(None, 304, headers)
    return Response(file.body, 200, headers, file.media)
