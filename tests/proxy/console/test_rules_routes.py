import shutil
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from evenhand.proxy.console.rules_routes import rule_routes, why_not_save
from evenhand.proxy.console.workshop import TEXT_BYTES, Workshop
from evenhand.proxy.live import Live, serving_of
from evenhand.rules import load_rules
from evenhand.settings import load_settings

ROLES = "en/roles.yaml"


class Bench:
    def __init__(self, folder: Path, prompts: list[str] | None = None, **flags: object) -> None:
        settings = load_settings(rules=folder, **flags)
        self.folder = folder
        self.live = Live(settings=settings, serving=serving_of(load_rules(folder), (), settings))
        self.workshop = Workshop(folder)
        app = FastAPI()
        app.include_router(rule_routes(self.live, self.workshop, lambda: prompts))
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://127.0.0.1", headers={"X-Evenhand-Console": "1"}, timeout=60
        )

    @property
    def roles(self) -> str:
        return (self.folder / ROLES).read_text()

    async def post(self, what: str, text: str, *, path: str = ROLES) -> httpx.Response:
        return await self.client.post(f"/{what}", json={"path": path, "text": text})


@pytest.fixture
def bench_of(small_folder: Path, tmp_path: Path) -> Callable[..., Bench]:
    return lambda *args, **flags: Bench(shutil.copytree(small_folder, tmp_path / "rules"), *args, **flags)


async def test_files_are_listed_and_read(bench_of: Callable[..., Bench]) -> None:
    bench = bench_of()
    listed = (await bench.client.get("/files")).json()
    assert {ROLES, "policy.yaml"} <= set(listed["files"])
    file = (await bench.client.get(f"/files/{ROLES}")).json()
    assert file["text"] == bench.roles
    for name in ("..%2f..%2fetc%2fpasswd", "%2fetc%2fpasswd", "en%2f..%2f..%2fsecret.yaml", "no.yaml"):
        answer = await bench.client.get(f"/files/{name}")
        assert answer.status_code == 404


async def test_problems_have_line_column_width_and_hint(bench_of: Callable[..., Bench]) -> None:
    bench = bench_of()
    assert (await bench.post("check", bench.roles)).json() == {"problems": []}
    found = (await bench.post("check", bench.roles.replace("    why:", "    wyh:"))).json()["problems"]
    unknown = next(problem for problem in found if "unknown" in problem["message"])
    assert unknown == {
        "file": ROLES,
        "line": 5,
        "column": 5,
        "width": 3,
        "message": "unknown key 'wyh'",
        "hint": "did you mean 'why'?",
    }


async def test_problems_in_other_files_name_them(bench_of: Callable[..., Bench]) -> None:
    bench = bench_of()
    text = (bench.folder / "policy.yaml").read_text()
    (bench.folder / "policy.yaml").write_text(f"{text}disable: [roles/workers]\n")
    found = (await bench.post("check", bench.roles.replace("id: workers", "id: people-at-work"))).json()["problems"]
    assert [(problem["file"], problem["hint"] != "") for problem in found] == [("policy.yaml", True)]


@pytest.mark.parametrize("what", ["check", "preview"])
async def test_only_rule_files_are_checked(bench_of: Callable[..., Bench], what: str) -> None:
    assert (await bench_of().post(what, "kind: roles", path="../policy.yaml")).status_code == 404


async def test_a_text_may_be_only_so_long(bench_of: Callable[..., Bench]) -> None:
    answer = await bench_of().post("check", "é" * (TEXT_BYTES // 2 + 1))
    assert answer.status_code == 422
    assert "at most 2,097,152 can be edited here" in answer.json()["detail"]


async def test_a_preview_lists_what_would_change_by_rule(bench_of: Callable[..., Bench]) -> None:
    bench = bench_of(["a welder and twins", "a doctor"])
    text = bench.roles.replace("engineers}", "engineers}, {one: twin, many: twins}")
    found = (await bench.post("preview", text)).json()
    assert found["problems"] == []
    assert found["asked"]["recent"] == 2
    assert found["asked"]["examples"] > 0
    assert found["revision"]["before"] == bench.live.serving.revision != found["revision"]["after"]
    group = next(group for group in found["groups"] if group["rule"] == "roles/workers")
    assert group["place"]["file"] == ROLES
    assert "a welder and twins" in [change["prompt"] for change in group["changes"]]
    assert "a doctor" not in [change["prompt"] for change in group["changes"]]


async def test_without_kept_prompts_examples_alone_are_asked(bench_of: Callable[..., Bench]) -> None:
    bench = bench_of(None)
    found = (await bench.post("preview", bench.roles)).json()
    assert (found["asked"]["recent"], found["changed"], found["groups"]) == (None, 0, [])


async def test_a_preview_of_broken_rules_tells_the_problems(bench_of: Callable[..., Bench]) -> None:
    bench = bench_of()
    found = (await bench.post("preview", "kind: roels\n")).json()
    assert found["problems"][0]["file"] == ROLES


async def test_saving_is_off_unless_allowed(bench_of: Callable[..., Bench]) -> None:
    bench = bench_of()
    before = bench.roles
    digest = (await bench.client.get(f"/files/{ROLES}")).json()["digest"]
    answer = await bench.client.put(f"/files/{ROLES}", json={"text": before + "#\n", "base": digest})
    assert answer.status_code == 403
    assert "EVENHAND_EDIT_RULES" in answer.json()["detail"]
    assert bench.roles == before


def test_the_shipped_rules_are_not_edited_in_place() -> None:
    assert "came with Evenhand" in why_not_save(load_settings(edit_rules=True))
    assert why_not_save(load_settings(edit_rules=True, rules=Path("rules"))) == ""


async def test_saving_where_allowed(bench_of: Callable[..., Bench]) -> None:
    bench = bench_of(edit_rules=True)
    digest = (await bench.client.get(f"/files/{ROLES}")).json()["digest"]
    text = bench.roles + "# seen by two\n"
    answer = await bench.client.put(f"/files/{ROLES}", json={"text": text, "base": digest})
    assert answer.status_code == 200
    assert bench.roles == text
    again = await bench.client.put(f"/files/{ROLES}", json={"text": text, "base": digest})
    assert again.status_code == 409
    assert (await bench.client.put("/files/..%2fnew.yaml", json={"text": text, "base": digest})).status_code == 404


@pytest.mark.parametrize("headers", [{"X-Evenhand-Console": "no"}, {"Content-Type": "text/plain"}])
async def test_another_page_can_not_save(bench_of: Callable[..., Bench], headers: dict[str, str]) -> None:
    bench = bench_of(edit_rules=True)
    before = bench.roles
    answer = await bench.client.put(f"/files/{ROLES}", content=b'{"text": "", "base": ""}', headers=headers)
    assert answer.status_code in (403, 415)
    assert bench.roles == before
