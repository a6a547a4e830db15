// Times become the visitor's own, and the page follows what happens: it is told
// by /events that something changed, and fetches the part of itself that did.
// Where the stream does not come through, and where nobody looks, it asks every
// 15 seconds. What it cannot confirm it does not show as well.
(() => {
  "use strict";
  const root = document.documentElement;
  const main = document.querySelector("main");
  const conn = document.getElementById("conn");
  const asOf = document.querySelector("#as-of time");
  const icon = document.querySelector("link[rel=icon]");
  const url = main.dataset.fragment;
  const base = main.dataset.base;

  const lang = navigator.languages.find((l) => l.split("-")[0] === root.lang.split("-")[0]) || root.lang;
  const full = new Intl.DateTimeFormat(lang, {
    year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short",
  });
  const clock = new Intl.DateTimeFormat(lang, {hour: "2-digit", minute: "2-digit"});

  function localise(scope) {
    for (const t of scope.querySelectorAll("time:not([title])")) {
      t.title = t.textContent;
      t.textContent = full.format(new Date(t.dateTime));
    }
    for (const t of scope.querySelectorAll("[data-t]")) t.textContent = clock.format(t.dataset.t * 1e3);
  }

  const kept = {}; // the parts as the server wrote them
  if (url) for (const part of main.children) if (part.id) kept[part.id] = part.outerHTML;
  localise(document);
  if (!url) return;

  let tag = main.dataset.tag;
  let state = main.dataset.state;
  let title = main.dataset.title;
  let seen = Date.parse(main.dataset.at);
  let asked = Date.now();
  let stale = false;
  let busy = false;
  let again = false;
  let waiting;
  let stream;

  function show() {
    root.toggleAttribute("data-stale", stale);
    const lost = stale ? conn.dataset.lost + ", " + conn.dataset.asOf + " " + clock.format(seen) : "";
    if (conn.textContent !== lost) conn.textContent = lost;
    document.title = (stale ? "? " : "") + title;
    if (icon) icon.href = base + "/assets/" + (stale ? "unknown" : state) + ".svg";
    if (asOf) asOf.textContent = full.format(seen);
  }

  function fresh() {
    seen = Date.now();
    stale = false;
    show();
  }

  function lost() {
    stale = true;
    show();
  }

  function swap(html) {
    const next = new DOMParser().parseFromString(html, "text/html").querySelector("main");
    for (const part of [...next.children]) {
      const old = part.id && document.getElementById(part.id);
      const text = part.outerHTML;
      if (!old || kept[part.id] === text) continue;
      kept[part.id] = text;
      const focus = old.contains(document.activeElement) ? document.activeElement : null;
      for (const was of old.querySelectorAll("details[id]")) {
        const now = part.querySelector("#" + was.id);
        if (now && now.className === was.className) now.open = was.open;
      }
      old.className = part.className;
      old.hidden = part.hidden;
      localise(part);
      old.replaceChildren(...part.childNodes);
      if (focus) {
        const href = focus.getAttribute("href");
        const same = focus.tagName === "SUMMARY" ? "#" + focus.parentNode.id + ">summary" : href && `a[href="${CSS.escape(href)}"]`;
        if (same) old.querySelector(same)?.focus({preventScroll: true});
      }
    }
    ({state, title} = next.dataset);
  }

  async function pull() {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    again = false;
    asked = Date.now();
    try {
      const answer = await fetch(url, {
        cache: "no-store", headers: {"If-None-Match": `"${tag}"`}, signal: AbortSignal.timeout(10000),
      });
      if (answer.status !== 304) {
        if (!answer.ok) throw answer.status;
        swap(await answer.text());
        tag = (answer.headers.get("ETag") || "").replace(/^W\/|"/g, "");
      }
      fresh();
    } catch {
      lost();
    }
    busy = false;
    if (again) pull();
  }

  // Several events are often one change.
  function soon() {
    waiting ??= setTimeout(() => {
      waiting = undefined;
      pull();
    }, 50);
  }

  // Of HTTP/1.1 a browser opens six connections to a server: with a stream in each
  // of six tabs, a seventh would wait for ever. So a tab has one while it is looked at.
  function listen() {
    stream?.close();
    if (document.hidden) return;
    stream = new EventSource(base + "/events");
    stream.onopen = stream.onerror = soon;
    for (const name of ["state", "incident"]) stream.addEventListener(name, soon);
  }

  setInterval(() => {
    const every = stale ? 5e3 : stream?.readyState === 1 ? 6e4 : 15e3;
    if (Date.now() - asked >= every) {
      if (stream?.readyState !== 0 && stream?.readyState !== 1) listen();
      pull();
    }
  }, 1e3);
  addEventListener("online", pull);
  addEventListener("offline", lost);
  addEventListener("visibilitychange", () => {
    listen();
    if (!document.hidden) pull();
  });
  addEventListener("pagehide", () => stream?.close());
  addEventListener("pageshow", (e) => e.persisted && (listen(), pull()));
  listen();
})();
