// Plots over time. Colours come from the theme at each drawing, so a change of theme needs a redraw only.
import uPlot from "./vendor/uplot.js";
import { el } from "./dom.js";

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const soft = () => css("--soft");
const HEIGHT = 190;
const grid = { stroke: () => css("--line"), width: 1 };

function axes(unit) {
  const base = { stroke: soft, grid, ticks: grid, font: "12px system-ui, sans-serif" };
  const values = (_, splits) => splits.map((value) => (value === null ? "" : `${value}${unit}`));
  return [{ ...base, space: 60 }, { ...base, size: 58, values, incrs: unit ? undefined : [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 1e5, 1e6] }];
}

/** `series` are {label, colour, dash, points}; `stacked` piles them up, the first at the bottom. */
export function chartIn(host, { series, unit = "", stacked = false }) {
  let raw = [];
  const lines = series.map((line, place) => ({
    label: line.label,
    stroke: () => css(line.colour),
    fill: stacked ? () => css(line.colour) : undefined,
    width: stacked ? 0 : 2,
    dash: line.dash,
    points: { show: Boolean(unit), size: 5 },
    paths: stacked ? uPlot.paths.bars({ size: [0.86, 40] }) : undefined,
    value: (_, __, ___, index) => said(raw[place]?.[index], unit),
  }));
  const drawn = stacked ? [...lines].reverse() : lines;
  const options = {
    width: Math.max(host.clientWidth, 200),
    height: HEIGHT,
    series: [{ label: "time", value: (_, at) => (at ? new Date(at * 1000).toLocaleTimeString() : "–") }, ...drawn],
    axes: axes(unit),
    scales: { y: { range: (_, low, high) => [0, Math.max(high ?? 0, unit ? 1 : 4) * 1.08] } },
    cursor: { y: false },
    legend: { live: true },
  };
  const plot = new uPlot(options, [[], ...series.map(() => [])], host);
  plot.root.querySelector("canvas").setAttribute("aria-hidden", "true");
  new ResizeObserver(() => host.clientWidth && plot.setSize({ width: host.clientWidth, height: HEIGHT })).observe(host);
  return {
    set(at, rows) {
      raw = rows;
      const shown = stacked ? piled(rows).reverse() : rows;
      plot.setData([at, ...shown]);
    },
    redraw: () => plot.redraw(),
  };
}

const said = (value, unit) => (value === null || value === undefined ? "–" : `${value.toLocaleString("en", { maximumFractionDigits: 2 })}${unit}`);

/** Each row on top of those before it. */
function piled(rows) {
  let below = rows[0]?.map(() => 0) ?? [];
  return rows.map((row) => {
    below = row.map((value, index) => value + below[index]);
    return below.map((height, index) => (row[index] ? height : null));
  });
}

/** rows of {label, share, mark, said}: shares in percent, `mark` is a target. */
export function bars(rows, names) {
  const head = el("thead", {}, el("tr", {}, names.map((name, place) => el("th", { scope: "col", class: place === 1 ? null : place ? "num" : null }, name))));
  return el("table", { class: "bars" }, head, el("tbody", {}, rows.map(barRow)));
}

function barRow({ label, share, mark, said: words }) {
  const bar = el("i");
  bar.style.width = `${Math.min(share, 100)}%`;
  const goal = mark === undefined ? null : el("b", { title: `target ${mark} %` });
  if (goal) goal.style.left = `${Math.min(mark, 100)}%`;
  return el("tr", {}, el("th", { scope: "row" }, label), el("td", { class: "track" }, el("div", { class: "bar", "aria-hidden": "true" }, bar, goal)), words.map((word) => el("td", { class: "num" }, word)));
}
