// What pages do beyond HTML: local times, buttons that copy commands, and following changes. All pages work without it.
"use strict";

const main = () => document.getElementById("main");

// localize replaces times in UTC by local ones. The exact time in UTC is in the title.
function localize(root) {
  const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (!isNaN(at)) time.textContent = format.format(at);
  }
}

// addCopyButtons puts a button on each command.
function addCopyButtons(root) {
  if (!navigator.clipboard) return;
  for (const command of root.querySelectorAll("pre.command")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    command.after(button);
  }
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button.copy");
  if (!button) return;
  await navigator.clipboard.writeText(button.previousElementSibling.textContent);
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = "Copy"; }, 2000);
});

// changedByUser reports whether a control differs from what the server sent, so that a merge must leave it alone.
function changedByUser(node) {
  if (node instanceof HTMLInputElement) {
    return node.value !== node.defaultValue || node.checked !== node.defaultChecked;
  }
  if (node instanceof HTMLTextAreaElement) return node.value !== node.defaultValue;
  if (node instanceof HTMLSelectElement) {
    const chosenByServer = [...node.options].some((option) => option.defaultSelected);
    return [...node.options].some((option, i) =>
      option.selected !== (chosenByServer ? option.defaultSelected : !node.multiple && i === 0));
  }
  return false;
}

// refresh fetches the page again and merges it into this one, which keeps focus, selection and what the user has typed.
async function refresh() {
  const response = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (response.redirected) { // the session has ended
    location.reload();
    return;
  }
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const next = page.getElementById("main");
  if (!response.ok || !next) return;
  localize(next);
  addCopyButtons(next);
  Idiomorph.morph(main(), next, {
    ignoreActiveValue: true,
    callbacks: {
      beforeNodeMorphed: (old) => !changedByUser(old),
      beforeAttributeUpdated: (name, node) => !(name === "open" && node instanceof HTMLDetailsElement),
    },
  });
}

// follow refreshes the page whenever the server has another mark for it. Hidden pages do not: a browser has few connections.
function follow(url) {
  let source = null, latest = "", busy = false, retry = 0;
  async function catchUp() {
    if (busy) return;
    busy = true;
    try {
      for (let tries = 0; latest && main().dataset.mark !== latest && tries < 3; tries++) await refresh();
    } catch { // the server does not respond: the next message tries again
    } finally {
      busy = false;
    }
  }
  function open() {
    clearTimeout(retry);
    if (document.hidden || source) return;
    source = new EventSource(url);
    source.onmessage = (event) => { latest = JSON.parse(event.data); catchUp(); };
    source.onerror = () => {
      if (source.readyState !== EventSource.CLOSED) return; // the browser tries again
      source = null;
      retry = setTimeout(open, 30000);
    };
  }
  function close() {
    clearTimeout(retry);
    if (source) source.close();
    source = null;
  }
  document.addEventListener("visibilitychange", () => document.hidden ? close() : open());
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  open();
}

localize(document);
addCopyButtons(document);
if (document.body.dataset.follows) follow(document.body.dataset.follows);
