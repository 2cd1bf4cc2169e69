// Elements from plain data. All text goes in as text nodes; nothing here, or anywhere in the page, parses HTML.

export const $ = (id) => document.getElementById(id);

/** el("p", {class: "hint", onclick: f, "aria-label": "x"}, "text", node, null) */
export function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : String(value));
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export function fill(node, ...children) {
  node.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
}

export function show(node, visible) {
  node.hidden = !visible;
}

export const plural = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

/** Runs `work(signal, ...)` after a pause; a newer call ends the older one, whose answer then counts no more. */
export function newest(work, { delay = 0 } = {}) {
  let timer;
  let controller;
  return (...given) => {
    clearTimeout(timer);
    controller?.abort();
    controller = new AbortController();
    const { signal } = controller;
    timer = setTimeout(() => work(signal, ...given).catch((fault) => signal.aborted || tell(fault)), delay);
  };
}

/** Shows a fault as a sentence; null takes it away. */
export function tell(fault) {
  const alert = $("alert");
  alert.textContent = fault ? fault.message : "";
  show(alert, Boolean(fault));
}

export async function copy(text, button) {
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Copying is not allowed here";
  }
  setTimeout(() => (button.textContent = before), 1500);
}
