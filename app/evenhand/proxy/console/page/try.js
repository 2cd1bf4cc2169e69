// The view "Try": a prompt goes out while it is typed, and what was read, why, and the rewrites come back.
import { call } from "./api.js";
import { $, copy, el, fill, newest, plural, show, tell } from "./dom.js";
import { keep, link, read } from "./place.js";
import { showMarks, showNotes } from "./try-marks.js";
import { showRewrites, showTable } from "./try-table.js";
import { OUTCOMES } from "./words.js";

const SAMPLES = [
  "a nurse and a Black teacher in a classroom",
  "three engineers at a whiteboard",
  "1940s German soldiers",
  "Elon Musk talking to a waiter",
  "a tourist in Kyoto",
  "a doctor with a glass of white wine on Black Friday",
];
const PAUSE_MS = 150;
const PARTS = ["tenant", "route"]; // which may have a policy of their own
const fresh = () => String(crypto.getRandomValues(new Uint32Array(1))[0]);

let open = null;

export function startTry(openRule) {
  open = openRule;
  fill($("samples"), SAMPLES.map((text) => el("button", { type: "button", onclick: () => use(text) }, text)));
  for (const id of ["prompt", "images", "seed", ...PARTS]) $(id).addEventListener("input", ask);
  $("redraw").addEventListener("click", () => {
    $("seed").value = fresh();
    ask();
  });
  $("link").addEventListener("click", () => copy(new URL(link("try", state()), location.href).href, $("link")));
}

function use(text) {
  $("prompt").value = text;
  $("prompt").focus();
  ask();
}

const state = () => ({ p: $("prompt").value, n: $("images").value, seed: $("seed").value, ...parts() });
const parts = () => Object.fromEntries(PARTS.map((part) => [part, $(part).value]));

/** Fills the fields from the address; what it leaves out gets its default. */
export function restore() {
  const { values } = read();
  $("prompt").value = values.get("p") ?? "";
  $("images").value = values.get("n") ?? "3";
  $("seed").value = values.get("seed") ?? fresh();
  for (const part of PARTS) {
    const wanted = values.get(part) ?? "";
    if (![...$(part).options].some((option) => option.value === wanted)) $(part).append(new Option(wanted, wanted));
    $(part).value = wanted;
  }
  ask();
}

/** Tenants and routes that the policy names; nothing is shown where it names none. */
export function offer(part, known) {
  const chosen = $(part).value;
  const names = [...new Set(["", ...known, chosen])];
  fill($(part), names.map((name) => new Option(name || "(any other)", name)));
  $(part).value = chosen;
  show($(part).parentElement, names.length > 1);
}

export function ask() {
  if (!$("view-try").hidden) keep("try", state());
  busy(true);
  explain();
}

const explain = newest(
  async (signal) => {
    const prompt = $("prompt").value;
    const wanted = numbers();
    if (!prompt.trim() || wanted.wrong) {
      show($("results"), false);
      $("summary").textContent = wanted.wrong ?? "Type a prompt, or choose one.";
      busy(false);
      return;
    }
    try {
      const answer = await call("/api/explain", { body: { prompt, ...wanted.asked, ...parts() }, signal });
      if (!signal.aborted) render(answer);
    } catch (fault) {
      if (!signal.aborted) show($("results"), false);
      throw fault;
    } finally {
      if (!signal.aborted) busy(false);
    }
  },
  { delay: PAUSE_MS },
);

/** Whether what is shown is older than what is asked. */
const busy = (is) => $("results").setAttribute("aria-busy", String(is));

function numbers() {
  const images = Number($("images").value);
  const seed = Number($("seed").value);
  if (!Number.isInteger(images) || images < 1 || images > 10) return { wrong: "Images must be a whole number from 1 to 10." };
  if (!/^\d+$/.test($("seed").value) || !Number.isSafeInteger(seed)) return { wrong: "The seed must be a whole number." };
  return { asked: { images, seed } };
}

function render(answer) {
  tell(null);
  const { decision } = answer;
  $("summary").textContent = summary(decision, answer.mode);
  showMarks(answer);
  showTable(answer, open);
  showRewrites(answer);
  showNotes(answer, open);
  show($("results"), true);
}

function summary(decision, mode) {
  const axes = decision.subjects.flatMap((subject) => Object.values(subject.axes));
  const opened = axes.filter((axis) => axis.state === "open").length;
  const said = decision.subjects.length
    ? `${plural(decision.subjects.length, "subject")}, ${opened} open and ${axes.length - opened} closed.`
    : "Nobody to be drawn was found.";
  const off = mode === "off" ? " The policy is off, so traffic is not rewritten." : "";
  return `${OUTCOMES[decision.outcome]?.says ?? decision.outcome}. ${said} Decided in ${decision.overhead_ms.toFixed(1)} ms.${off}`;
}
