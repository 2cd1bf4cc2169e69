// Subjects by axes with reasons and places, and the rewrites as diffs.
import { $, copy, el, fill } from "./dom.js";
import { diff } from "./spans.js";
import { keyOf, light } from "./try-marks.js";

export function showTable({ decision, rules, heads, shares }, open) {
  if (!decision.subjects.length) {
    fill($("table"), el("p", { class: "hint" }, "There is nobody to vary, so the prompt goes on byte for byte."));
    return;
  }
  const axes = [...new Set(decision.subjects.flatMap((subject) => Object.keys(subject.axes)))];
  const head = el("tr", {}, ["Subject", ...axes].map((name) => el("th", { scope: "col" }, name)));
  const rows = decision.subjects.map((subject, place) =>
    el("tr", {}, subjectCell(subject, heads[place], rules, open), axes.map((axis) => axisCell(subject.axes[axis], axis, shares, rules, open))),
  );
  fill($("table"), el("table", { class: "stack" }, el("thead", {}, head), el("tbody", {}, rows)));
}

function subjectCell(subject, headRules, rules, open) {
  const number = subject.number === 1 ? "one person" : subject.number ? `${subject.number} people` : "several people";
  const places = headRules.map((rule) => el("span", { class: "hint" }, placeOf(rule, rules, open), " "));
  const cell = el("th", { scope: "row" }, el("span", { class: "who" }, subject.text), el("span", { class: "hint" }, number), places);
  return lighting(cell, subject.head);
}

function axisCell(axis, name, shares, rules, open) {
  if (!axis) return el("td", { "data-label": name }, "–");
  if (axis.state === "open") return el("td", { "data-label": name }, el("span", { class: "chip good" }, "open"), drawn(axis), target(shares[name]));
  const reasons = axis.closed_by.map((closing) =>
    lighting(
      el("p", { class: "why" }, el("q", {}, closing.text), ` ${closing.reason}. `, el("span", { class: "hint" }, closing.why, " "), placeOf(closing.rule, rules, open)),
      closing,
    ),
  );
  return el("td", { "data-label": name }, el("span", { class: "chip warn" }, "closed"), reasons);
}

function lighting(node, { start, end }) {
  node.addEventListener("mouseenter", () => light(keyOf(start, end), true));
  node.addEventListener("mouseleave", () => light(keyOf(start, end), false));
  return node;
}

function drawn(axis) {
  if (!axis.drawn.length) return el("p", { class: "hint" }, "Nothing was drawn: there is no room for more words.");
  const values = axis.drawn.map((value) => [value].flat().join(" + "));
  return el("p", { class: "drawn" }, values.map((value) => el("span", { class: "chip" }, value)));
}

function target(shares) {
  const said = Object.entries(shares ?? {}).map(([value, share]) => `${value} ${share}`);
  return said.length ? el("p", { class: "hint" }, `target % ${said.join(", ")}`) : null;
}

/** A rule's name and, where it stands in a file, a way there. */
export function placeOf(rule, rules, open) {
  if (!rule) return null;
  const place = rules[rule];
  if (!place) return el("span", { class: "place mono hint" }, rule);
  if (!place.file) return el("span", { class: "place mono hint" }, `${rule} ${place.shown}`);
  const go = () => open(place.file, place.line);
  return el("button", { type: "button", class: "inline place mono", onclick: go, title: `Open ${place.shown}` }, `${rule} ${place.file}:${place.line}`);
}

export function showRewrites({ decision }) {
  if (!decision.rewrites.length) {
    fill($("rewrites"), el("p", { class: "hint" }, "Nothing is added: the prompt goes on byte for byte."));
    return;
  }
  const variants = decision.rewrites.map((text, image) => {
    const button = el("button", { type: "button", class: "quiet", "aria-label": `Copy rewrite ${image + 1}`, onclick: () => copy(text, button) }, "Copy");
    return el("li", {}, el("span", {}, `${image + 1}`), el("p", { class: "diff" }, shownDiff(decision.prompt, decision.edits[image])), button);
  });
  fill($("rewrites"), el("ol", { class: "variants" }, variants));
}

export const shownDiff = (prompt, edits) =>
  diff(prompt, edits).map(({ as, text }) => (as === "same" ? text : el(as, {}, text)));
