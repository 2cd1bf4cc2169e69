"""The page in a real browser. SCREENSHOTS=1 writes pictures to docs/page/."""

import os
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

PlaywrightError = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").Error
ROOT = Path(__file__).parent.parent.parent
XSS = [
    '<img src=x onerror="window.hit=1">',
    '"><script>window.hit=1</script>',
    "<svg/onload=window.hit=1>",
    "javascript:window.hit=1",
]
VIEWS = ["try", "rules", "dashboard"]
CONTRAST = (Path(__file__).parent / "contrast.js").read_text()
PROMPT = "a nurse and a doctor beside two vikings"


def ask(page: Any, prompt: str, **fields: str) -> None:
    for name, value in fields.items():
        page.fill(f"#{name}", value)
    page.fill("#prompt", prompt)
    settled(page)


def settled(page: Any) -> None:
    page.wait_for_selector("#results[aria-busy=false]:not([hidden])")


def rewrites(page: Any) -> list[str]:
    """Without the words a diff shows as taken away."""
    found: list[str] = page.eval_on_selector_all(
        "#rewrites .diff",
        "all => all.map(it => [...it.childNodes].map(at => at.localName === 'del' ? '' : at.textContent).join(''))",
    )
    return found


def open_file(page: Any, name: str, line: int = 1) -> None:
    page.evaluate("to => { location.hash = to }", f"#rules?file={name}&line={line}")
    page.wait_for_function("name => document.querySelector('#file-name').textContent === name", arg=name)
    page.wait_for_function("() => /problem/.test(document.querySelector('#lint').textContent)")


def type_at(page: Any, line: int, text: str) -> None:
    """Replaces a line of the open file from its indent on, as a person would, and waits for the checker's word on it."""
    page.locator(".cm-content").click()
    page.keyboard.press("Control+Home")
    for _ in range(line - 1):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Home")
    page.keyboard.press("Shift+End")
    page.keyboard.insert_text(text.lstrip())
    page.wait_for_function("() => document.querySelector('#lint').textContent === 'Checking …'")
    page.wait_for_function("() => /problem/.test(document.querySelector('#lint').textContent)")


def test_typing_shows_marks_reasons_and_rewrites(page: Any, console: Any) -> None:
    page.goto(console.url)
    page.locator("#prompt").press_sequentially("a nurse and a doctor in 1940", delay=15)
    page.wait_for_selector("#marks .k-period")
    settled(page)
    assert page.locator("#marks .k-person").all_text_contents() == ["nurseperson", "doctorperson"]
    assert page.locator("#table tbody tr").count() == 2
    assert page.locator("#table .chip.warn").count() == 4
    assert "policy/historical-until" in page.inner_text("#table")
    assert "as written" not in page.inner_text("#rewrites")
    ask(page, "a doctor", images="2")
    assert page.locator("#rewrites li").count() == 2
    assert [text for text in rewrites(page) if not re.fullmatch(r"an? .+ doctor", text)] == []
    assert page.locator("#rewrites ins").count() >= 2
    assert page.locator("#table .chip.good").count() == 2
    assert "roles/workers en/roles.yaml:3" in page.inner_text("#table")
    assert "1 subject, 2 open and 0 closed." in page.inner_text("#summary")


def test_a_mark_is_told_by_label_and_line_not_by_colour_alone(page: Any, console: Any) -> None:
    page.goto(console.url)
    ask(page, "a nurse beside a viking in 1940")
    seen = page.eval_on_selector_all("#legend .mark", LINES)
    assert [label for label, _ in seen] == ["person", "name", "period", "term", "culture", "other sense"]
    assert len({look for _, look in seen}) == len(seen)
    assert {"person", "period"} <= {text.lower() for text in page.locator("#marks small").all_text_contents()}


# The label of each mark and how its underline looks, apart from its colour.
LINES = """marks => marks.map((mark) => {
  const { textDecorationStyle, textDecorationThickness, fontStyle } = getComputedStyle(mark);
  return [mark.textContent, `${textDecorationStyle} ${textDecorationThickness} ${fontStyle}`];
})"""


def test_redraw_changes_the_variants_and_the_link_brings_them_back(page: Any, console: Any) -> None:
    page.goto(console.url)
    ask(page, "a nurse and a doctor", images="6", seed="7")
    first = rewrites(page)
    page.click("#redraw")
    settled(page)
    assert rewrites(page) != first
    page.fill("#seed", "7")
    settled(page)
    page.click("#link")
    link = page.evaluate("navigator.clipboard.readText()")
    assert "a nurse and a doctor" in unquote(link.partition("#")[2]).replace("+", " ")
    page.goto("about:blank")
    page.goto(link)
    page.wait_for_selector("#rewrites li")
    assert (page.input_value("#prompt"), page.input_value("#images"), page.input_value("#seed")) == (
        "a nurse and a doctor",
        "6",
        "7",
    )
    assert rewrites(page) == first


def test_a_tenant_with_a_policy_of_its_own_can_be_chosen(page: Any, console_with: Callable[..., Any]) -> None:
    console = console_with()
    page.goto(f"{console.url}/#try?p=a+doctor&n=4&seed=1")
    settled(page)
    assert page.is_hidden("#tenant")
    policy = (console.folder / "policy.yaml").read_text()
    console.write("policy.yaml", f"{policy}tenants: {{acme: {{axes: {{gender: {{woman: 100, man: 0}}}}}}}}\n")
    page.reload()
    page.wait_for_selector("#tenant")
    page.select_option("#tenant", "acme")
    page.wait_for_function("() => document.querySelector('#table').innerText.includes('woman 100, man 0')")
    assert "tenant=acme" in page.url
    assert all("woman" in text or "female" in text for text in rewrites(page))


def test_a_prompt_stands_in_no_address_that_is_sent(page: Any, console: Any) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url + str(request.headers.get("referer"))))
    page.goto(f"{console.url}/#try?p=a+secret+doctor&n=1&seed=1")
    page.wait_for_selector("#rewrites li")
    assert sent
    assert not [url for url in sent if "secret" in url]


def test_the_newest_answer_counts(page: Any, console: Any) -> None:
    held: list[Any] = []
    page.route("**/api/explain", lambda route: held.append(route) if not held else route.continue_())
    page.goto(console.url)
    page.fill("#prompt", "an engineer")
    page.wait_for_function("() => true")
    for _ in range(100):
        if held:
            break
        page.wait_for_timeout(50)
    ask(page, "a nurse", images="1")
    with suppress(PlaywrightError):  # the page has ended that request
        held[0].continue_()
    page.wait_for_timeout(300)
    assert "nurse" in page.inner_text("#marks")


@pytest.mark.parametrize("bad", XSS)
def test_markup_in_a_prompt_is_text(page: Any, console: Any, bad: str) -> None:
    page.goto(console.url)
    ask(page, f"a doctor {bad}")
    assert bad in page.inner_text("#marks").replace("\n", " ")
    assert bad in rewrites(page)[0]
    assert page.evaluate("window.hit") is None
    assert page.locator("main img, main script, main svg:not(.cm-editor svg)").count() == 0


def test_markup_in_a_rule_file_is_text(page: Any, console_with: Callable[..., Any]) -> None:
    console = console_with()
    rule = (console.folder / "en/periods.yaml").read_text().replace("Who they were is history.", f"'{XSS[0]}'")
    console.write(
        "en/periods.yaml", rule.replace("say: an engineer beside a viking", f"say: 'an engineer beside a viking {XSS[1]}'")
    )
    page.goto(console.url)
    ask(page, "a doctor and a viking")
    assert XSS[0] in page.inner_text("#table")
    open_file(page, "en/periods.yaml")
    assert XSS[1] in page.inner_text(".cm-content")
    type_at(page, 3, f"- id: '{XSS[0]}'")
    assert XSS[0] in page.inner_text("#problems")
    page.hover(".cm-lintRange-error")
    page.wait_for_selector(".cm-tooltip-lint")
    page.click("#revert")
    type_at(page, 4, "match: [raider, raiders]")
    page.click("#preview")
    page.wait_for_selector("#changes h3")
    assert XSS[1] in page.text_content("#changes")
    assert page.evaluate("window.hit") is None


def test_lint_marks_the_right_words(page: Any, console: Any) -> None:
    page.goto(f"{console.url}/#rules")
    open_file(page, "en/periods.yaml")
    assert page.inner_text("#lint") == "No problems."
    type_at(page, 4, "    macth: ['🧑🏾‍🚒', viking]")
    assert "macth" in page.locator(".cm-lintRange-error").all_inner_texts()
    assert "en/periods.yaml:4:5 unknown key 'macth'" in page.inner_text("#problems")
    assert "did you mean 'match'?" in page.inner_text("#problems")
    assert page.is_disabled("#preview")
    page.click("#revert")
    page.wait_for_function("() => document.querySelector('#lint').textContent === 'No problems.'")
    assert page.locator(".cm-lintRange-error").count() == 0
    type_at(page, 8, "      - {say: '👩🏾‍🚒 and twins', leave: 7}")
    assert page.locator(".cm-lintRange-error").all_inner_texts() == ["7"]


def test_a_change_is_previewed_over_examples_and_recent_prompts(page: Any, console: Any) -> None:
    console.decide("an engineer beside a viking ship", PROMPT)
    page.goto(f"{console.url}/#rules")
    open_file(page, "en/periods.yaml")
    type_at(page, 4, "    match: [raider, raiders]")
    page.click("#preview")
    page.wait_for_selector("#changes details")
    told = page.text_content("#changes")
    assert re.search(r"\d+ decisions would change\.", told)
    assert "2 examples would fail" in told
    assert "periods/vikings" in told
    assert f"{PROMPT} recent prompt" in told
    assert re.search(r"nurse gender: ?period\s*→\s*open", told)


def test_a_preview_fits_a_phone(page: Any, console: Any) -> None:
    page.goto(f"{console.url}/#rules")
    open_file(page, "en/periods.yaml")
    type_at(page, 3, "- id: norse-raiders-and-settlers-of-the-early-middle-ages-and-all-who-sailed-with-them")
    page.set_viewport_size({"width": 400, "height": 800})
    page.click("#preview")
    page.wait_for_selector("#changes details")
    assert "period by periods/vikings" in page.inner_text("#changes")
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


def test_saving_is_refused_where_it_is_not_allowed(page: Any, console: Any) -> None:
    before = (console.folder / "en/roles.yaml").read_text()
    page.goto(f"{console.url}/#rules")
    open_file(page, "en/roles.yaml")
    type_at(page, 5, "    why: Whoever likes may do this work.")
    assert page.is_disabled("#save")
    assert "EVENHAND_EDIT_RULES=true" in page.inner_text("#save-note")
    page.keyboard.press("Control+s")
    assert page.inner_text("#dirty") == "edited"
    assert (console.folder / "en/roles.yaml").read_text() == before


def test_saving_where_it_is_allowed(page: Any, console_with: Callable[..., Any]) -> None:
    console = console_with(edit_rules=True)
    page.goto(f"{console.url}/#rules")
    open_file(page, "en/roles.yaml")
    type_at(page, 5, "    why: Whoever likes may do this work.")
    with page.expect_response(lambda answer: answer.request.method == "PUT") as saved:
        page.keyboard.press("Control+s")
    assert saved.value.ok
    assert "Whoever likes may do this work." in (console.folder / "en/roles.yaml").read_text()
    console.reload()
    page.wait_for_function("() => /is in service/.test(document.querySelector('#lint').textContent)")
    assert page.is_hidden("#dirty")
    (console.folder / "en/roles.yaml").write_text("# somebody else\n" + (console.folder / "en/roles.yaml").read_text())
    type_at(page, 5, "    why: Nobody else.")
    page.click("#save")
    page.wait_for_selector("#alert:not([hidden])")
    assert "has changed on disk" in page.inner_text("#alert")
    page.click("#revert")
    page.locator(".cm-content", has_text="# somebody else").wait_for()
    assert page.is_hidden("#alert")


def test_line_ends_of_a_file_survive_saving(page: Any, console_with: Callable[..., Any]) -> None:
    console = console_with(edit_rules=True)
    file = console.folder / "en/roles.yaml"
    raw = file.read_bytes().replace(b"\n", b"\r\n")
    file.write_bytes(raw)
    page.goto(f"{console.url}/#rules")
    open_file(page, "en/roles.yaml")
    assert page.is_hidden("#dirty")
    type_at(page, 5, "    why: Whoever likes.")
    with page.expect_response(lambda answer: answer.request.method == "PUT"):
        page.click("#save")
    assert file.read_bytes() == raw.replace(b"Anybody may do this work.", b"Whoever likes.")


def test_a_draft_stays_while_another_file_is_open(page: Any, console: Any) -> None:
    page.goto(f"{console.url}/#rules")
    open_file(page, "en/roles.yaml")
    type_at(page, 5, "    why: A draft.")
    open_file(page, "policy.yaml")
    assert "en/roles.yaml (edited)" in page.inner_text("#files")
    open_file(page, "en/roles.yaml")
    assert "A draft." in page.inner_text(".cm-content")


def test_a_reason_leads_to_its_rule(page: Any, console: Any) -> None:
    page.goto(console.url)
    ask(page, "an engineer beside a viking")
    page.locator("#table button", has_text="periods/vikings").first.click()
    page.wait_for_selector(".cm-activeLine")
    page.wait_for_function(
        "() => document.querySelector('#editor').shadowRoot.querySelector('.cm-activeLine').textContent.includes('vikings')"
    )
    assert page.inner_text("#file-name") == "en/periods.yaml"
    page.go_back()
    page.wait_for_selector("#results:not([hidden])")
    assert page.input_value("#prompt") == "an engineer beside a viking"


def test_charts_show_real_decisions(page: Any, console_with: Callable[..., Any]) -> None:
    console = console_with()
    page.goto(f"{console.url}/#dashboard")
    page.wait_for_function("() => document.querySelector('#fresh').textContent")
    empty = [page.locator(f"#chart-{name} canvas").evaluate(PAINTED) for name in ("outcomes", "overhead")]
    console.decide(*["a doctor", "an engineer beside a viking"] * 10)
    console.decide("a nurse", status=502, refused=True, drift=("gender",))
    page.locator("#window").select_option("10")
    page.wait_for_function("() => document.querySelector('#tiles').textContent.includes('21')")
    painted = [page.locator(f"#chart-{name} canvas").evaluate(PAINTED) for name in ("outcomes", "overhead")]
    assert all(after > before + 20 for before, after in zip(empty, painted, strict=True))
    assert "11 rewritten, 10 unchanged" in page.inner_text("#cap-outcomes")
    assert re.search(r"p50 [\d.]+ ms", page.inner_text("#cap-overhead"))
    assert "1 refusals, 1 drifts" in page.inner_text("#cap-faults")
    assert re.search(r"period\s+10\s+47\.6 %", page.inner_text("#reasons"))
    assert re.search(r"woman\s+[\d.]+ %\s+50 %", page.inner_text("#drawn"))
    assert "EVENHAND_DECISION_LOG_PROMPTS" in page.inner_text("#recent")
    assert "a doctor" not in page.inner_text("#recent")


# How many pixels have a colour of their own, as the bars and lines do and the grid does not.
PAINTED = """canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let at = 0; at < data.length; at += 4) {
    const [r, g, b, a] = data.slice(at, at + 4);
    if (a > 200 && Math.max(r, g, b) - Math.min(r, g, b) > 60) count += 1;
  }
  return count;
}"""


def test_the_token_is_asked_for_and_kept_in_this_tab_only(page: Any, console_with: Callable[..., Any]) -> None:
    console = console_with(token="t0ken")
    page.goto(console.url)
    for given in ("wrong", "t0ken"):
        page.wait_for_selector("#token-dialog[open]")
        page.fill("#token", given)
        page.press("#token", "Enter")
        if given == "wrong":
            page.wait_for_selector("#token-wrong:not([hidden])")
    page.wait_for_selector("#facts .chip")
    ask(page, "a doctor")
    assert page.evaluate("[sessionStorage.length, JSON.stringify({...localStorage}).includes('t0ken'), document.cookie]") == [
        1,
        False,
        "",
    ]
    assert "t0ken" not in page.url


def test_the_keyboard_reaches_everything_in_order(page: Any, console: Any) -> None:
    page.goto(console.url)
    page.wait_for_selector("#samples button")
    order = []
    for _ in range(9):
        page.keyboard.press("Tab")
        order.append(
            page.evaluate("document.activeElement.id || document.activeElement.className || document.activeElement.tagName")
        )
    assert order == ["skip", "tab-try", "theme", "prompt", "images", "seed", "redraw", "link", "BUTTON"]
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.focus("#tab-try")
    for view in ("rules", "dashboard", "try"):
        page.keyboard.press("ArrowRight")
        page.wait_for_selector(f"#view-{view}:not([hidden])")
        assert page.evaluate("document.activeElement.id") == f"tab-{view}"
    page.keyboard.press("End")
    page.wait_for_selector("#view-dashboard:not([hidden])")


def test_tab_leaves_the_editor(page: Any, console: Any) -> None:
    page.goto(f"{console.url}/#rules")
    open_file(page, "en/roles.yaml")
    page.locator(".cm-content").click()
    before = page.inner_text(".cm-content")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") != "editor"
    assert page.inner_text(".cm-content") == before


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("width", [320, 400])
def test_nothing_is_wider_than_a_phone(page: Any, console: Any, view: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    console.decide("a doctor")
    page.goto(f"{console.url}/#try?p=a+nurse+and+two+vikings+{'x' * 90}&seed=1")
    page.wait_for_selector("#table table")
    page.click(f"#tab-{view}")
    page.wait_for_selector({"try": "#table table", "rules": ".cm-line", "dashboard": "#recent table"}[view])
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_contrast_enough(page: Any, console: Any, scheme: str) -> None:
    """WCAG 2.2 AA: 4.5 to 1, or 3 to 1 for large text."""
    page.emulate_media(color_scheme=scheme)
    console.decide(PROMPT, "a doctor")
    page.goto(f"{console.url}/#try?p=a+nurse+and+a+viking+and+twins&seed=1")
    page.wait_for_selector("#table table")
    for view in VIEWS:
        page.click(f"#tab-{view}")
        page.wait_for_selector({"try": "#table table", "rules": ".cm-line", "dashboard": "#recent table"}[view])
        page.mouse.move(0, 0)
        assert page.evaluate(CONTRAST) == []


def test_the_theme_can_be_chosen_and_stays(page: Any, console: Any) -> None:
    page.goto(console.url)
    light = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    page.click("#theme")
    page.click("#theme")
    assert page.inner_text("#theme") == "Theme: dark"
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") != light
    page.reload()
    assert page.inner_text("#theme") == "Theme: dark"


def test_a_prompt_too_long_is_told_and_nothing_stale_stays(page: Any, console: Any) -> None:
    page.goto(console.url)
    ask(page, "a doctor")
    page.fill("#prompt", "a doctor " * 4000)
    page.wait_for_selector("#alert:not([hidden])")
    assert "at most 32,000 are allowed" in page.inner_text("#alert")
    assert page.is_hidden("#results")
    ask(page, "a doctor")
    assert page.is_hidden("#alert")


def test_a_sidecar_that_does_not_answer_is_told(page: Any, console: Any) -> None:
    page.goto(console.url)
    page.wait_for_selector("#facts .chip")
    page.route("**/api/**", lambda route: route.abort())
    page.fill("#prompt", "a doctor")
    page.wait_for_selector("#alert:not([hidden])")
    assert "does not answer" in page.inner_text("#alert")


def test_the_page_of_a_running_sidecar(
    page: Any, run_sidecar: Callable[..., Any], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same page at the real admin port: its token, its traffic, and saving."""
    monkeypatch.setenv("EVENHAND_RULES", str(shutil.copytree(folder, tmp_path / "rules")))
    with run_sidecar(demo=True, admin_token="t0ken", edit_rules=True, decision_log_prompts=True) as running:
        assert running.post("a doctor").status_code == 200
        page.goto(f"{running.admin}/#dashboard")
        page.fill("#token-dialog[open] #token", "t0ken")
        page.click("#token-ok")
        page.wait_for_selector("#recent table")
        assert "a doctor" in page.inner_text("#recent")
        assert "1 rewritten" in page.inner_text("#cap-outcomes")
        page.locator("#recent a").first.click()
        settled(page)
        assert page.input_value("#prompt") == "a doctor"
        revision = page.inner_text("#facts")
        open_file(page, "en/periods.yaml")
        type_at(page, 5, "why: It is long ago.")
        page.click("#save")
        page.wait_for_function("() => /is in service|go on serving/.test(document.querySelector('#main').textContent)")
        assert page.is_hidden("#dirty")
        if page.is_hidden("#alert"):
            page.wait_for_function("before => document.querySelector('#facts').innerText !== before", arg=revision)


@pytest.mark.skipif("SCREENSHOTS" not in os.environ, reason="SCREENSHOTS=1 draws the pictures in docs/page anew")
@pytest.mark.parametrize(("scheme", "width"), [("light", 1240), ("dark", 1240), ("light", 400)])
def test_screenshots(page: Any, console_with: Callable[..., Any], scheme: str, width: int) -> None:
    console = console_with(rules=ROOT / "rules", edit_rules=True, decision_log_prompts=True)
    traffic(console)
    page.emulate_media(color_scheme=scheme)
    out = ROOT / "docs/page"
    out.mkdir(parents=True, exist_ok=True)
    name = f"{scheme}{'' if width > 400 else '-narrow'}.png"
    text = "a nurse and a Black teacher beside Serena Williams, a glass of white wine, photo by Annie Leibovitz"
    page.goto(f"{console.url}/#rules")
    open_file(page, "policy.yaml", 6)
    type_at(page, 6, "historical_until: 1930")
    page.click("#preview")
    page.wait_for_selector("#changes h3", timeout=120_000)
    page.set_viewport_size({"width": width, "height": 860})
    page.screenshot(path=out / f"rules-{name}", full_page=True)
    page.goto(f"{console.url}/#try?p={text}&n=3&seed=7")
    page.wait_for_selector("#table table")
    page.screenshot(path=out / f"try-{name}", full_page=True)
    page.goto(f"{console.url}/#dashboard")
    page.wait_for_selector("#recent table")
    page.wait_for_timeout(300)
    page.screenshot(path=out / f"dashboard-{name}", full_page=True)


def traffic(console: Any) -> None:
    """Most of an hour of mixed prompts."""
    prompts = [
        "a doctor",
        "a nurse and a Black teacher",
        "1940s German soldiers",
        "two engineers",
        "a crowd",
        "a Muslim student",
        "a park bench",
    ]
    for minute in range(55, -1, -1):
        console.clock.behind_s = minute * 60
        for number in range(6 + minute * 7 % 5):
            console.decide(prompts[(minute + number * 3) % len(prompts)])
        if minute % 17 == 0:
            console.decide("a chef", refused=True, status=400)
