// Keeps the page fresh: fetches it again and changes only what differs, so that focus, typed text, selection, scroll
// position and opened details stay. Without this script the page is the same, and has a link to refresh it.
"use strict";

(() => {
  const PERIOD_MS = 5000;
  const PATIENCE_MS = 8000; // a server that says nothing for so long is told of like one that is gone
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

  const isElement = (node) => node.nodeType === Node.ELEMENT_NODE;
  const keyOf = (node) => (isElement(node) && (node.id || node.dataset.key)) || "";
  const kindOf = (node) => (isElement(node) && !keyOf(node) && node.classList[0]) || "";
  const areAlike = (old, fresh) =>
    old.nodeName === fresh.nodeName && keyOf(old) === keyOf(fresh) && kindOf(old) === kindOf(fresh);

  // The node among `old` and its later siblings that `fresh` is a newer state of.
  function counterpart(old, fresh) {
    if (!isElement(fresh)) return old && areAlike(old, fresh) ? old : null;
    for (let node = old; node; node = node.nextSibling) if (areAlike(node, fresh)) return node;
    return null;
  }

  function alignChildren(old, fresh) {
    const children = [...fresh.childNodes];
    const stay = new Set(children.map(keyOf).filter(Boolean));
    let next = old.firstChild;
    for (const child of children) {
      const match = counterpart(next, child);
      if (!match) {
        old.insertBefore(document.importNode(child, true), next);
        continue;
      }
      // What stood before it has gone or comes later. It is not the match that moves: that would lose its focus.
      const after = match.nextSibling;
      while (next !== match) {
        const passed = next;
        next = next.nextSibling;
        if (stay.has(keyOf(passed))) old.insertBefore(passed, after);
        else passed.remove();
      }
      next = match.nextSibling;
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
    } else if (isElement(old)) {
      alignAttributes(old, fresh);
      alignChildren(old, fresh);
    }
  }

  const isToggleText = (node) => node.parentElement?.hasAttribute("data-pause");

  function show(main) {
    const active = document.activeElement;
    align(document.querySelector("main"), main);
    // One that was moved itself has lost it.
    if (active !== document.activeElement && active?.isConnected) active.focus({ preventScroll: true });
    showButtons();
  }

  function showButtons() {
    for (const button of document.querySelectorAll("[data-pause]")) {
      button.hidden = false;
      button.setAttribute("aria-pressed", String(isPaused));
    }
  }

  // Ages that nobody moves on any more would be wrong: the moments themselves stay true.
  function showMoments() {
    const today = new Date().toISOString().slice(0, 10);
    for (const time of document.querySelectorAll("main time")) {
      const text = time.title.startsWith(today) ? time.title.slice(today.length + 1) : time.title;
      if (time.textContent !== text) time.textContent = text;
    }
  }

  async function refresh() {
    if (isBusy) return;
    isBusy = true;
    try {
      const answer = await fetch(location.href, {
        headers: { Accept: "text/html" },
        cache: "no-store",
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const main = fresh.querySelector("main");
      if (!main) throw new Error("tide does not answer.");
      // A problem takes the place of another one, and of nothing else.
      const problem = main.dataset.problem;
      if (problem && document.querySelector("main").dataset.problem === undefined) throw new Error(problem);
      show(main);
      document.title = fresh.title;
      freshAt = new Date();
      offline.hidden = true;
    } catch (error) {
      // Other errors are the browser's, of a connection that failed or an answer that did not come.
      const reason = error.name === "Error" ? error.message : "tide does not answer.";
      const text = `${reason} This page is as of ${freshAt.toLocaleTimeString()}.`;
      if (offline.hidden || offline.textContent !== text) offline.textContent = text;
      offline.hidden = false;
      showMoments();
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

  showButtons();
  setInterval(() => {
    if (!isPaused && !document.hidden) refresh();
  }, PERIOD_MS);
})();
