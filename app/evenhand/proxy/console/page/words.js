// Words of the service in plain English.

export const KINDS = {
  person: "person",
  name: "name",
  period: "period",
  term: "term",
  culture: "culture",
  other: "other sense",
};

export const KIND_OF_REASON = {
  named: "name",
  deictic: "name",
  period: "period",
  nationality: "culture",
  culture: "culture",
  religion: "culture",
};

export const KIND_WORDS = {
  person: "somebody to be drawn",
  name: "a name, or a particular person",
  period: "a past era or event",
  term: "states or implies a trait",
  culture: "a nationality, culture or place",
  other: "a collocation, or nobody to be drawn",
};

export const NOTE_WORDS = {
  collocation: "means something else",
  body: "is no human being",
  modifier: "describes a thing",
  negation: "is wanted absent",
  weak: "often means no person, and nothing here shows one",
  owner: "only owns what is drawn",
  mention: "is mentioned, not drawn",
  part: "is a part of a body only",
  quoted: "is text to be drawn",
  syntax: "is syntax of a prompt tool",
  url: "is an address or a file name",
  negative: "is a negative prompt",
  source: "is a source or an artist",
  shown: "is only shown on something",
  model: "means somebody named elsewhere",
  language: "is in a language without rules here",
};

/** What stands inside the mark of a note; a kind that is not listed stands for itself. */
export const NOTE_LABELS = {
  body: "not human",
  modifier: "of a thing",
  negation: "absent",
  weak: "nobody",
  part: "body part",
  quoted: "lettering",
  url: "address",
  model: "same person",
};

export const OUTCOMES = {
  rewritten: { says: "Rewritten", tone: "good" },
  unchanged: { says: "Unchanged", tone: "" },
  shadow: { says: "Shadow: would be rewritten", tone: "warn" },
  bypass: { says: "Bypass", tone: "bad" },
  opted_out: { says: "Opted out", tone: "" },
};
