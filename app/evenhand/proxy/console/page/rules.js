// The view "Rules": files, the editor, problems while typing, what would change, and saving where that is allowed.
import { call } from "./api.js";
import { $, el, fill, newest, plural, show, tell } from "./dom.js";
import { editorIn } from "./editor.js";
import { go } from "./place.js";
import { showChanges } from "./rules-changes.js";

const PAUSE_MS = 350;
const drafts = new Map(); // file -> text that is not saved
let editor = null;
let names = [];
let opened = null; // {path, text, digest}
let canSave = false;
let broken = false;
let opening = 0;

export function startRules() {
  $("find").addEventListener("input", list);
  $("revert").addEventListener("click", revert);
  $("preview").addEventListener("click", () => preview());
  $("save").addEventListener("click", save);
  window.addEventListener("beforeunload", (event) => drafts.size && event.preventDefault());
}

/** `whyNot` says why changes can be tried here but not saved; empty where they can. */
export function allow(whyNot) {
  canSave = whyNot === "";
  $("save-note").textContent = canSave ? "" : `Changes can be tried, not saved. ${whyNot}`;
  show($("save-note"), !canSave);
  buttons();
}

/** Opens the file and line that the address names, else the first one. */
export async function openFrom(values) {
  const mine = ++opening;
  editor ??= editorIn($("editor"), { onChange: changed, onSave: save });
  if (!names.length) names = (await call("/api/files")).files;
  if (mine !== opening) return;
  list();
  const wanted = values.get("file") ?? opened?.path ?? names.find((name) => name === "policy.yaml") ?? names[0];
  if (wanted && wanted !== opened?.path) await openFile(wanted, mine);
  const line = Number(values.get("line"));
  if (line && mine === opening) {
    editor.goTo(line);
    editor.focus();
  }
}

const addressOf = (path) => `/api/files/${path.split("/").map(encodeURIComponent).join("/")}`;

/** The file asked for last is the one that opens, in whatever order the answers come. */
async function openFile(path, mine) {
  const file = await call(addressOf(path));
  if (mine !== opening) return;
  opened = file;
  broken = false;
  $("file-name").textContent = path;
  fill($("changes"));
  fill($("problems"));
  $("lint").textContent = "";
  editor.open(path, drafts.get(path) ?? file.text);
  list();
  buttons();
  check();
}

function list() {
  const wanted = $("find").value.trim().toLowerCase();
  const found = names.filter((name) => name.toLowerCase().includes(wanted));
  const items = found.map((name) => fileItem(name, wanted === ""));
  fill($("files"), items.length ? items : el("li", { class: "hint" }, "No file of that name."));
}

/** In the full list a list of phrases stands indented below the rules that name it. */
function fileItem(name, isFull) {
  const short = isFull && name.endsWith(".csv") ? name.slice(name.lastIndexOf("/") + 1) : name;
  const attributes = { type: "button", title: name, class: short === name ? null : "listed", "aria-current": name === opened?.path ? "true" : null };
  return el("li", {}, el("button", { ...attributes, onclick: () => go("rules", { file: name }) }, drafts.has(name) ? `${short} (edited)` : short));
}

function changed() {
  const text = editor.text();
  const had = drafts.has(opened.path);
  if (text === opened.text) drafts.delete(opened.path);
  else drafts.set(opened.path, text);
  if (had !== drafts.has(opened.path)) list();
  buttons();
  check();
}

const isEdited = () => opened !== null && drafts.has(opened.path);

function buttons() {
  show($("dirty"), isEdited());
  $("revert").disabled = !isEdited();
  $("preview").disabled = !isEdited() || broken;
  $("save").disabled = !isEdited() || broken || !canSave;
}

const check = newest(
  async (signal) => {
    $("lint").textContent = "Checking …";
    const { path } = opened;
    const { problems } = await call("/api/check", { body: { path, text: editor.text() }, signal });
    if (signal.aborted || path !== opened.path) return;
    broken = problems.length > 0;
    editor.mark(problems.filter((problem) => problem.file === path));
    showProblems(problems);
    buttons();
  },
  { delay: PAUSE_MS },
);

function showProblems(problems) {
  $("lint").textContent = problems.length ? `${plural(problems.length, "problem")}.` : "No problems.";
  const items = problems.slice(0, 100).map((problem) => {
    const here = problem.file === opened.path;
    const jump = () => (here ? (editor.goTo(problem.line), editor.focus()) : problem.file && go("rules", { file: problem.file, line: problem.line }));
    const place = el("button", { type: "button", class: "inline mono", onclick: jump }, `${problem.file ?? "folder"}:${problem.line}:${problem.column}`);
    return el("li", {}, place, ` ${problem.message}`, problem.hint ? el("span", { class: "hint" }, problem.hint) : null);
  });
  fill($("problems"), items);
}

/** Back to what stands on disk by now. */
async function revert() {
  drafts.delete(opened.path);
  tell(null);
  await openFile(opened.path, ++opening).catch(tell);
  editor.focus();
}

const preview = newest(async (signal) => {
  fill($("changes"), el("p", { class: "hint" }, "Comparing decisions under the old rules and the new ones …"));
  try {
    const found = await call("/api/preview", { body: { path: opened.path, text: editor.text() }, signal });
    if (!signal.aborted) showChanges($("changes"), found);
  } catch (fault) {
    if (!signal.aborted) fill($("changes"));
    throw fault;
  }
});

async function save() {
  if ($("save").disabled) return;
  $("save").disabled = true;
  const { path, digest } = opened;
  const text = editor.text();
  try {
    const saved = await call(addressOf(path), { method: "PUT", body: { text, base: digest } });
    tell(null);
    const isOpen = opened.path === path;
    if (isOpen) opened = { path, text, digest: saved.digest };
    if (!isOpen || editor.text() === text) drafts.delete(path);
    $("lint").textContent = "Saved.";
    fill($("changes"));
    list();
    serve(saved.revision);
  } catch (fault) {
    tell(fault);
  }
  buttons();
}

/** Asks for the saved file to be taken into service; where that can't be asked for, the service may notice it by itself. */
async function serve(before) {
  try {
    const { revision } = await call("/rules/reload", { body: {} });
    $("lint").textContent = `Saved; revision ${revision} is in service.`;
    document.dispatchEvent(new CustomEvent("revision"));
  } catch (fault) {
    if (fault.status === 409) tell(new Error(`Saved, but the old rules go on serving. ${fault.message}`));
    else await follow(before);
  }
}

/** A saved file is in service once the revision is another. */
async function follow(before, tries = 20) {
  await new Promise((done) => setTimeout(done, 750));
  const { revision } = await call("/api/state");
  if (revision !== before) {
    $("lint").textContent = `Saved; revision ${revision} is in service.`;
    document.dispatchEvent(new CustomEvent("revision"));
  } else if (tries > 1) await follow(before, tries - 1);
  else $("lint").textContent = `Saved; revision ${before} is still in service.`;
}
