// What would change: decisions under the rules in service against those with the edited file, by rule.
import { el, fill, plural } from "./dom.js";
import { link } from "./place.js";

function placed(place) {
  if (!place) return null;
  if (!place.file) return el("code", {}, place.shown);
  return el("a", { class: "mono", href: link("rules", { file: place.file, line: place.line }) }, `${place.file}:${place.line}`);
}

export function showChanges(host, found) {
  if (found.problems.length) {
    fill(host, el("p", { class: "notice bad" }, "These rules can't be loaded; repair the problems above first."));
    return;
  }
  const asked = plural(found.asked.examples, "example");
  const recent =
    found.asked.recent === null
      ? "prompts of traffic are not kept here, so none were compared"
      : plural(found.asked.recent, "recent prompt");
  const head = !found.compared ? "The rules on disk can't be loaded, so there is nothing to compare with." : found.changed ? `${plural(found.changed, "decision")} would change.` : "No decision would change.";
  fill(
    host,
    el("h3", {}, head),
    el("p", { class: "hint" }, `Compared: ${asked}; ${recent}.`),
    failures(found.failed),
    found.groups.map((group, place) => shownGroup(group, place === 0)),
  );
}

function failures(failed) {
  if (!failed.length) return null;
  const fresh = failed.filter(({ is_new }) => is_new).length;
  const already = failed.length - fresh;
  const said = [fresh ? `${plural(fresh, "example")} would fail` : null, already ? `${plural(already, "example")} fail already` : null];
  const items = failed.slice(0, 50).map(({ place, prompt, faults }) =>
    el("li", {}, placed(place), " ", el("q", {}, prompt), faults.map((fault) => el("div", { class: "hint" }, fault))),
  );
  return el("details", { class: "group", open: fresh > 0 }, el("summary", {}, el("span", { class: fresh ? "chip bad" : "chip" }, said.filter(Boolean).join("; "))), el("ul", {}, items));
}

function shownGroup({ rule, place, count, changes }, open) {
  const summary = el("summary", {}, el("b", { class: "mono" }, rule), " ", placed(place), " ", el("span", { class: "chip" }, String(count)));
  const more = count > changes.length ? el("li", { class: "hint" }, `and ${count - changes.length} more`) : null;
  return el("details", { class: "group", open }, summary, el("ul", {}, changes.map(shownChange), more));
}

function shownChange({ prompt, place, axes, before, after }) {
  const lines = axes.map(({ head, axis, before: was, after: now }) =>
    el("div", {}, el("b", {}, head), ` ${axis}: `, el("span", { class: "chip" }, was), " → ", el("span", { class: "chip warn" }, now)),
  );
  const texts = before === after ? null : el("dl", {}, el("dt", {}, "before"), el("dd", {}, before ?? "as written"), el("dt", {}, "after"), el("dd", {}, after ?? "as written"));
  return el("li", {}, el("q", {}, prompt), " ", placed(place) ?? el("span", { class: "hint" }, "recent prompt"), lines, texts);
}
