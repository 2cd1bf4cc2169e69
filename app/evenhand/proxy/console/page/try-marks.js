// The prompt with its marked words, the legend, and what was left alone.
import { $, el, fill, show } from "./dom.js";
import { pieces } from "./spans.js";
import { placeOf } from "./try-table.js";
import { KINDS, KIND_OF_REASON, KIND_WORDS, NOTE_LABELS, NOTE_WORDS } from "./words.js";

export const keyOf = (start, end) => `${start}-${end}`;

export function showMarks({ decision }) {
  fill($("marks"), pieces(decision.prompt, marksOf(decision)).map(shown));
  fill($("legend"), Object.entries(KINDS).map(([kind, label]) => el("li", {}, el("span", { class: `mark k-${kind}` }, label), ` ${KIND_WORDS[kind]}`)));
}

function marksOf(decision) {
  const found = new Map();
  const add = (span, kind, label) => {
    if (span.start < span.end) found.set(`${keyOf(span.start, span.end)} ${kind}`, { ...span, kind, label, key: keyOf(span.start, span.end) });
  };
  for (const note of decision.notes) add({ start: note.start, end: note.end }, "other", NOTE_LABELS[note.kind] ?? note.kind);
  for (const subject of decision.subjects) {
    add({ start: subject.head.start, end: subject.head.end }, "person", KINDS.person);
    for (const closing of Object.values(subject.axes).flatMap((axis) => axis.closed_by)) {
      const kind = KIND_OF_REASON[closing.reason] ?? "term";
      add({ start: closing.start, end: closing.end }, kind, KINDS[kind]);
    }
  }
  return [...found.values()];
}

function shown({ text, kind, labels, keys }) {
  if (!kind) return text;
  const label = labels.length ? el("small", {}, labels.join(" · ")) : null;
  return el("mark", { class: `mark k-${kind}`, "data-keys": keys.join(" ") }, text, label);
}

/** Words and the cell they explain light up together. */
export function light(key, on) {
  for (const mark of $("marks").querySelectorAll(".mark")) {
    if (mark.dataset.keys.split(" ").includes(key)) mark.classList.toggle("lit", on);
  }
}

export function showNotes({ decision, rules }, open) {
  show($("notes-card"), decision.notes.length > 0);
  const list = decision.notes.map((note) =>
    el("li", {}, el("q", {}, note.text.replace(/^["“”'‘’]+|["“”'‘’]+$/g, "")), ` ${NOTE_WORDS[note.kind] ?? note.kind} `, placeOf(note.rule, rules, open)),
  );
  fill($("notes"), el("ul", { class: "notes" }, list));
}
