import re

import httpx
import pytest
from fastapi import FastAPI

from evenhand.proxy.console.page_routes import PAGE, page_files, page_routes


@pytest.fixture
def client() -> httpx.AsyncClient:
    app = FastAPI()
    app.include_router(page_routes())
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1")


async def test_the_page_is_served_under_a_strict_policy(client: httpx.AsyncClient) -> None:
    answer = await client.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "*" not in policy


async def test_everything_the_page_names_is_there(client: httpx.AsyncClient) -> None:
    named = set(re.findall(r'(?:href|src)="(/page/[^"]+)"', (await client.get("/")).text))
    assert {"/page/main.js", "/page/theme.css", "/page/vendor/uplot.css"} <= named
    for module in (path for path in PAGE.glob("*.js")):
        named |= {f"/page/{name}" for name in re.findall(r'from "\./([^"]+)"', module.read_text())}
    answers = {name: (await client.get(name)).status_code for name in named}
    assert answers == dict.fromkeys(named, 200)


async def test_assets_are_asked_for_again_only_where_they_changed(client: httpx.AsyncClient) -> None:
    first = await client.get("/page/main.js")
    assert first.headers["content-type"] == "text/javascript; charset=utf-8"
    assert first.headers["cache-control"] == "no-cache"
    again = await client.get("/page/main.js", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "name",
    ["../console.py", "%2e%2e/console.py", "..%2fconsole.py", "vendor%2f..%2fmain.js", "nothing.js", "", "vendor", "/etc/passwd"],
)
async def test_no_other_file_is_served(client: httpx.AsyncClient, name: str) -> None:
    request = client.build_request("GET", "http://127.0.0.1/page/x")
    request.url = request.url.copy_with(raw_path=f"/page/{name}".encode())
    assert (await client.send(request)).status_code == 404


async def test_head_and_only_reading(client: httpx.AsyncClient) -> None:
    assert (await client.head("/")).status_code == 200
    assert (await client.post("/")).status_code == 405


def test_what_is_vendored_has_its_licence() -> None:
    for name in ("codemirror", "uplot"):
        text = page_files()[f"vendor/{name}.LICENSE.txt"].body.decode()
        assert "Permission is hereby granted" in text


def test_no_module_parses_html_or_reaches_out() -> None:
    forbidden = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|https?://|localStorage\.setItem\(KEPT"
    )
    own = [path for path in PAGE.rglob("*") if path.suffix in (".js", ".css", ".html") and path.parent.name != "vendor"]
    assert len(own) > 10
    assert not [f"{path.name}: {found}" for path in own for found in forbidden.findall(path.read_text())]


def test_modules_are_of_reasonable_size() -> None:
    assert not [path.name for path in PAGE.glob("*.js") if len(path.read_text().splitlines()) > 250]
