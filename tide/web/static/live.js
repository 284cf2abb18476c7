// Keeps the page fresh: fetches it again and changes only what differs, so that focus, selection, scroll position and
// opened details stay. Without this script the page is the same, and has a link to refresh it.
"use strict";

(() => {
  const PERIOD_MS = 5000;
  const offline = document.getElementById("offline");
  let isPaused = false;
  let isBusy = false;
  let freshAt = new Date();

  // What the reader changes must survive a refresh.
  const isOurs = (element, name) =>
    (element.nodeName === "DETAILS" && name === "open") || element.hasAttribute("data-pause");

  function alignAttributes(old, fresh) {
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && !isOurs(old, name)) old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value && !isOurs(old, name)) old.setAttribute(name, value);
    }
  }

  const areAlike = (old, fresh) =>
    old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName && (old.id || "") === (fresh.id || "");

  // The node of `old`'s remaining siblings that `fresh` is a newer state of.
  function counterpart(old, fresh) {
    if (!fresh.id) return old && areAlike(old, fresh) ? old : null;
    for (let node = old; node; node = node.nextSibling) if (areAlike(node, fresh)) return node;
    return null;
  }

  function alignChildren(old, fresh) {
    let next = old.firstChild;
    for (const child of [...fresh.childNodes]) {
      const match = counterpart(next, child);
      if (!match) {
        old.insertBefore(document.importNode(child, true), next);
        continue;
      }
      if (match === next) next = next.nextSibling;
      else old.insertBefore(match, next);
      align(match, child);
    }
    while (next) {
      const gone = next;
      next = next.nextSibling;
      gone.remove();
    }
  }

  function align(old, fresh) {
    if (old.nodeType === Node.TEXT_NODE) {
      if (old.data !== fresh.data && !isToggleText(old)) old.data = fresh.data;
    } else if (old.nodeType === Node.ELEMENT_NODE) {
      alignAttributes(old, fresh);
      alignChildren(old, fresh);
    }
  }

  const isToggleText = (node) => node.parentElement?.hasAttribute("data-pause");

  async function refresh() {
    if (isBusy) return;
    isBusy = true;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const main = fresh.querySelector("main");
      if (answer.status === 503) throw new Error("The database does not answer.");
      if (!answer.ok || !main) throw new Error("tide does not answer.");
      align(document.querySelector("main"), main);
      document.title = fresh.title;
      freshAt = new Date();
      offline.hidden = true;
    } catch (error) {
      // Other errors are the browser's, of a connection that failed.
      const reason = error.name === "Error" ? error.message : "tide does not answer.";
      const text = `${reason} This page is as of ${freshAt.toLocaleTimeString()}.`;
      if (offline.hidden || offline.textContent !== text) offline.textContent = text;
      offline.hidden = false;
    } finally {
      isBusy = false;
    }
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-refresh]");
    const button = event.target.closest("[data-pause]");
    if (link && !event.metaKey && !event.ctrlKey && !event.shiftKey) {
      event.preventDefault();
      refresh();
    } else if (button) {
      isPaused = !isPaused;
      button.setAttribute("aria-pressed", String(isPaused));
    }
  });

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && !isPaused) refresh();
  });

  for (const button of document.querySelectorAll("[data-pause]")) button.hidden = false;
  setInterval(() => {
    if (!isPaused && !document.hidden) refresh();
  }, PERIOD_MS);
})();
