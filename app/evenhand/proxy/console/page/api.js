// Calls to the API of the admin port. Where it has a token, the page asks for it once a tab.
import { $, show } from "./dom.js";

const KEPT = "evenhand-token";
let asking = null;

export class Fault extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** call("/api/explain", {body: {...}, signal}) -> the answer's JSON. Throws Fault with a sentence. */
export async function call(path, options = {}) {
  const used = sessionStorage.getItem(KEPT);
  const answer = await sent(path, options, used);
  if (answer.status === 401) {
    if (used === sessionStorage.getItem(KEPT)) await (asking ??= askToken(used !== null));
    return call(path, options);
  }
  const data = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Fault(answer.status, data.detail ?? data.error ?? `The sidecar answered ${answer.status}.`);
  return data;
}

async function sent(path, { method, body, signal }, token) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  if (body !== undefined) Object.assign(headers, { "Content-Type": "application/json", "X-Evenhand-Console": "1" });
  try {
    return await fetch(path, {
      method: method ?? (body === undefined ? "GET" : "POST"),
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
      credentials: "omit",
      cache: "no-store",
      referrerPolicy: "no-referrer",
    });
  } catch (fault) {
    if (signal?.aborted) throw fault;
    throw new Fault(0, "The sidecar does not answer; it may be restarting.");
  }
}

function askToken(wasWrong) {
  const dialog = $("token-dialog");
  const field = $("token");
  show($("token-wrong"), wasWrong);
  field.value = "";
  dialog.showModal();
  return new Promise((resolve) => {
    const done = () => {
      if (!field.value) return;
      sessionStorage.setItem(KEPT, field.value);
      field.value = "";
      asking = null;
      dialog.close();
      resolve();
    };
    dialog.oncancel = (event) => event.preventDefault();
    $("token-ok").onclick = done;
    field.onkeydown = (event) => event.key === "Enter" && done();
  });
}
