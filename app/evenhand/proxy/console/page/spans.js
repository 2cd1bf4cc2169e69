// Spans count code points, JavaScript counts UTF-16 units: every cut of a prompt goes through here.

export const points = (text) => Array.from(text);

export const cut = (chars, start, end) => chars.slice(start, end).join("");

/** The UTF-16 offset of the code point at `index` of a line. */
export const unitOffset = (line, index) => cut(points(line), 0, Math.max(index, 0)).length;

const RANK = ["name", "period", "culture", "term", "other", "person"];
const byRank = (a, b) => a.end - a.start - (b.end - b.start) || RANK.indexOf(a.kind) - RANK.indexOf(b.kind);

/**
 * Text and marks {start, end, kind, label} -> pieces {text, kind, labels, keys}; a piece shows the narrowest mark over it,
 * and each mark's label stands once, where the mark ends.
 */
export function pieces(text, marks) {
  const chars = points(text);
  const borders = new Set([0, chars.length]);
  for (const mark of marks) borders.add(mark.start).add(mark.end);
  const places = [...borders].sort((a, b) => a - b);
  return places.slice(1).map((end, index) => piece(chars, places[index], end, marks));
}

function piece(chars, start, end, marks) {
  const over = marks.filter((mark) => mark.start <= start && end <= mark.end).sort(byRank);
  const ending = over.filter((mark) => mark.end === end);
  return {
    text: cut(chars, start, end),
    kind: over[0]?.kind ?? null,
    labels: [...new Set(ending.map((mark) => mark.label))],
    keys: [...new Set(over.map((mark) => mark.key))],
  };
}

/** Prompt and edits {start, end, text} -> parts {text, as: "same" | "del" | "ins"}. */
export function diff(text, edits) {
  const chars = points(text);
  const parts = [];
  let at = 0;
  for (const edit of [...edits].sort((a, b) => a.start - b.start)) {
    parts.push({ as: "same", text: cut(chars, at, edit.start) });
    parts.push({ as: "del", text: cut(chars, edit.start, edit.end) });
    const kept = edit.text.trimEnd();
    parts.push({ as: "ins", text: kept }, { as: "same", text: edit.text.slice(kept.length) });
    at = edit.end;
  }
  parts.push({ as: "same", text: cut(chars, at, chars.length) });
  return parts.filter((part) => part.text);
}
