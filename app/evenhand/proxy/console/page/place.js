// Which view is open and with what, in the fragment of the address: it goes to no server and into no log.

export function read() {
  const [view, query] = location.hash.slice(1).split("?", 2);
  return { view: view || "try", values: new URLSearchParams(query ?? "") };
}

export function link(view, values = {}) {
  const known = Object.entries(values).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const query = new URLSearchParams(known.map(([key, value]) => [key, String(value)])).toString();
  return `#${view}${query ? `?${query}` : ""}`;
}

/** Changes the address without a step in the history: typing is no navigation. */
export function keep(view, values) {
  history.replaceState(null, "", link(view, values));
}

export function go(view, values) {
  location.hash = link(view, values);
}
