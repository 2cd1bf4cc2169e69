// The view "Dashboard": what happened in the chosen window, anew every few seconds while somebody looks.
import { call } from "./api.js";
import { bars, chartIn } from "./charts.js";
import { $, el, fill, newest } from "./dom.js";
import { link } from "./place.js";
import { OUTCOMES } from "./words.js";

const EVERY_MS = 5000;
const OUTCOME_LINES = [
  { label: "rewritten", colour: "--person" },
  { label: "unchanged", colour: "--other" },
  { label: "shadow", colour: "--culture" },
  { label: "opted_out", colour: "--period" },
  { label: "bypass", colour: "--name" },
];
const OVERHEAD_LINES = [
  { label: "p50", colour: "--person" },
  { label: "p95", colour: "--period", dash: [8, 4] },
  { label: "p99", colour: "--name", dash: [2, 3] },
];
const FAULT_LINES = [
  { label: "bypass", colour: "--name" },
  { label: "refused by the image API", colour: "--culture", dash: [8, 4] },
  { label: "drift", colour: "--period", dash: [2, 3] },
  { label: "5xx answers", colour: "--other", dash: [12, 3, 2, 3] },
];
let charts = null;
let timer = null;

export function startDashboard() {
  $("window").addEventListener("input", () => refresh());
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
  document.addEventListener("theme", () => Object.values(charts ?? {}).forEach((chart) => chart.redraw()));
}

export function showDashboard() {
  charts ??= {
    outcomes: chartIn($("chart-outcomes"), { series: OUTCOME_LINES, stacked: true }),
    overhead: chartIn($("chart-overhead"), { series: OVERHEAD_LINES, unit: " ms" }),
    faults: chartIn($("chart-faults"), { series: FAULT_LINES }),
  };
  refresh();
}

const refresh = newest(async (signal) => {
  clearTimeout(timer);
  if ($("view-dashboard").hidden || document.hidden) return;
  try {
    const [found, latest] = await Promise.all([
      call(`/api/series?minutes=${$("window").value}`, { signal }),
      call("/api/recent?limit=15", { signal }),
    ]);
    if (!signal.aborted) render(found, latest);
  } finally {
    if (!signal.aborted) timer = setTimeout(refresh, EVERY_MS);
  }
});

function render(found, latest) {
  const row = (family, label) => found.series[family]?.[label] ?? found.at.map(() => 0);
  const total = (family, label) => found.totals[family]?.[label] ?? 0;
  const drift = Object.values(found.series.drift ?? {}).reduce((sum, line) => sum.map((value, at) => value + line[at]), found.at.map(() => 0));
  charts.outcomes.set(found.at, OUTCOME_LINES.map(({ label }) => row("outcome", label)));
  charts.overhead.set(found.at, OVERHEAD_LINES.map(({ label }) => found.overhead_ms[label]));
  charts.faults.set(found.at, [row("outcome", "bypass"), row("refused", "refused"), drift, row("answer", "5xx")]);
  const outcomes = found.totals.outcome ?? {};
  const all = Object.values(outcomes).reduce((sum, count) => sum + count, 0);
  const faults = { bypasses: total("outcome", "bypass"), refusals: total("refused", "refused"), drift: drift.reduce((a, b) => a + b, 0) };
  showTiles(all, outcomes, found.overhead_ms_all, faults);
  showCaptions(found, outcomes, faults);
  showReasons(found.totals.reason ?? {}, all);
  showDrawn(found.totals, found.now);
  showRecent(latest);
  $("fresh").textContent = `as of ${new Date().toLocaleTimeString()}`;
}

const percent = (part, whole) => (whole ? `${((100 * part) / whole).toFixed(1)} %` : "–");
const ms = (value) => (value === null ? "–" : `${value.toFixed(value < 10 ? 2 : 0)} ms`);

function showTiles(all, outcomes, overhead, faults) {
  const tiles = [
    ["decisions", all.toLocaleString("en")],
    ["rewritten", percent(outcomes.rewritten ?? 0, all)],
    ["p50", ms(overhead.p50)],
    ["p99", ms(overhead.p99)],
    ["bypasses", faults.bypasses.toLocaleString("en")],
    ["refusals", faults.refusals.toLocaleString("en")],
  ];
  fill($("tiles"), tiles.map(([name, value]) => el("div", { class: "tile" }, el("b", {}, value), el("span", { class: "hint" }, name))));
}

function showCaptions(found, outcomes, faults) {
  const said = Object.entries(outcomes).map(([name, count]) => `${count.toLocaleString("en")} ${name}`).join(", ");
  const step = found.step_s < 60 ? `${found.step_s} s` : `${found.step_s / 60} min`;
  $("cap-outcomes").textContent = said ? `${said}. One bar is ${step}.` : "No decisions in this window.";
  const { p50, p95, p99 } = found.overhead_ms_all;
  $("cap-overhead").textContent = `Without waiting for client or image API: p50 ${ms(p50)}, p95 ${ms(p95)}, p99 ${ms(p99)}.`;
  $("cap-faults").textContent = `${faults.bypasses} bypasses, ${faults.refusals} refusals, ${faults.drift} drifts.`;
}

function showReasons(reasons, all) {
  const sorted = Object.entries(reasons).sort((a, b) => b[1] - a[1]);
  const most = Math.max(1, ...Object.values(reasons));
  const rows = sorted.map(([label, count]) => ({ label, share: (100 * count) / most, said: [count.toLocaleString("en"), percent(count, all)] }));
  fill($("reasons"), rows.length ? bars(rows, ["reason", "", "decisions", "of all"]) : el("p", { class: "hint" }, "No axis was closed in this window."));
}

function showDrawn(totals, targets) {
  const tables = Object.entries(targets).map(([axis, shares]) => {
    const counts = totals[`drawn/${axis}`] ?? {};
    const labels = [...new Set([...Object.keys(shares), ...Object.keys(counts)])].filter((label) => label !== "range");
    const all = labels.reduce((sum, label) => sum + (counts[label] ?? 0), 0);
    const rows = labels.map((label) => {
      const share = all ? (100 * (counts[label] ?? 0)) / all : 0;
      return { label, share, mark: shares[label] ?? 0, said: [percent(counts[label] ?? 0, all), `${shares[label] ?? 0} %`] };
    });
    return [el("h3", {}, `${axis}, ${all.toLocaleString("en")} drawn`), bars(rows, ["value", "", "drawn", "target"])];
  });
  fill($("drawn"), tables);
}

function showRecent({ prompts, entries }) {
  if (!entries.length) {
    fill($("recent"), el("p", { class: "hint" }, "No decisions yet."));
    return;
  }
  const names = ["time", "outcome", "route", "status", "reasons", "spent here", ...(prompts ? ["prompt"] : [])];
  const head = el("thead", {}, el("tr", {}, names.map((name) => el("th", { scope: "col" }, name))));
  const table = el("table", { class: "roomy" }, head, el("tbody", {}, entries.map((entry) => recentRow(entry, prompts))));
  const note = prompts ? null : el("p", { class: "hint" }, "Prompts are not kept; EVENHAND_DECISION_LOG_PROMPTS=true keeps them.");
  fill($("recent"), el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Latest decisions" }, table), note);
}

function recentRow(entry, prompts) {
  const { says, tone } = OUTCOMES[entry.outcome] ?? { says: entry.outcome, tone: "" };
  const cells = [new Date(entry.at * 1000).toLocaleTimeString(), el("span", { class: `chip ${tone}` }, says.split(":")[0]), entry.route, entry.status || "–", entry.reasons.join(", ") || "–", ms(entry.overhead_ms)];
  const words = entry.prompt ? el("a", { href: link("try", { p: entry.prompt, n: 1, seed: entry.seed }) }, entry.prompt.slice(0, 120)) : "–";
  return el("tr", {}, cells.map((cell) => el("td", { class: "num" }, cell instanceof Node ? cell : String(cell))), prompts ? el("td", { class: "said" }, words) : null);
}
