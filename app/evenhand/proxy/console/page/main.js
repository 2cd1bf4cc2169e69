// Starts the page: views as tabs, the theme, and what is in service.
import { call } from "./api.js";
import { showDashboard, startDashboard } from "./dashboard.js";
import { $, el, fill, show, tell } from "./dom.js";
import { go, read } from "./place.js";
import { allow, openFrom, startRules } from "./rules.js";
import { ask, offer, restore, startTry } from "./try.js";

const VIEWS = ["try", "rules", "dashboard"];
const THEMES = ["auto", "light", "dark"];
const STATE_EVERY_MS = 10000;
let revision = null;
let left = { try: "#try", rules: "#rules", dashboard: "#dashboard" };
let current = null;
let down = false;

function route() {
  const { view, values } = read();
  const wanted = VIEWS.includes(view) ? view : "try";
  for (const name of VIEWS) {
    const tab = $(`tab-${name}`);
    tab.setAttribute("aria-selected", String(name === wanted));
    tab.tabIndex = name === wanted ? 0 : -1;
    show($(`view-${name}`), name === wanted);
  }
  tell(null);
  current = wanted;
  if (wanted === "try") restore();
  if (wanted === "rules") openFrom(values).catch(tell);
  if (wanted === "dashboard") showDashboard();
}

/** Each view comes back as it was left. */
function turnTo(view) {
  if (view === current) return;
  left[current] = location.hash || `#${current}`;
  location.hash = left[view];
}

function startTabs() {
  for (const view of VIEWS) $(`tab-${view}`).addEventListener("click", () => turnTo(view));
  document.querySelector('[role="tablist"]').addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key] ?? 0;
    const at = VIEWS.indexOf(current);
    const next = { Home: 0, End: VIEWS.length - 1 }[event.key] ?? (at + step + VIEWS.length) % VIEWS.length;
    if (!step && !["Home", "End"].includes(event.key)) return;
    event.preventDefault();
    turnTo(VIEWS[next]);
    $(`tab-${VIEWS[next]}`).focus();
  });
}

function startTheme() {
  const kept = localStorage.getItem("evenhand-theme");
  const apply = (theme) => {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    $("theme").textContent = `Theme: ${theme}`;
    localStorage.setItem("evenhand-theme", theme);
    document.dispatchEvent(new CustomEvent("theme"));
  };
  apply(THEMES.includes(kept) ? kept : "auto");
  $("theme").addEventListener("click", () => apply(THEMES[(THEMES.indexOf(localStorage.getItem("evenhand-theme")) + 1) % THEMES.length]));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => document.dispatchEvent(new CustomEvent("theme")));
}

async function refreshState() {
  const state = await call("/api/state");
  const mode = { enforce: "good", shadow: "warn", off: "bad" }[state.mode];
  fill(
    $("facts"),
    el("span", { class: `chip ${mode}`, title: "Mode of the policy" }, state.mode),
    state.reload_error ? el("span", { class: "chip bad", title: state.reload_error }, "reload failed") : null,
    state.draining ? el("span", { class: "chip bad" }, "draining") : null,
    el("span", { class: "chip", title: "Revision of the rules in service" }, `rules ${state.revision}`),
    el("span", { class: "chip", title: `${state.phrases.toLocaleString("en")} phrases` }, `v${state.version}`),
  );
  offer("tenant", state.tenants);
  offer("route", state.routes);
  allow(state.why_not_save);
  $("stale").textContent = state.reload_error ? `The rules on disk are not in service: ${state.reload_error}` : "";
  show($("stale"), Boolean(state.reload_error));
  if (revision !== null && revision !== state.revision) ask();
  revision = state.revision;
}

async function watchState() {
  try {
    if (!document.hidden) await refreshState();
    if (down) tell(null);
    down = false;
  } catch (fault) {
    down = true;
    tell(fault);
  }
  setTimeout(watchState, STATE_EVERY_MS);
}

startTheme();
startTabs();
startTry((file, line) => {
  left.try = location.hash;
  go("rules", { file, line });
});
startRules();
startDashboard();
document.addEventListener("revision", () => refreshState().catch(tell));
window.addEventListener("hashchange", route);
route();
watchState();
