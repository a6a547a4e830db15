// Keeps the list fresh: replaces it when it changed, and leaves what a person
// opened or shut, and the focus, as they were.
"use strict";
const period = 1500;

async function refresh() {
  if (document.hidden) return;
  const answer = await fetch(location.href, { cache: "no-store" });
  if (!answer.ok) return;
  const next = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = next.getElementById("alerts");
  const shown = document.getElementById("alerts");
  if (!fresh) return;
  for (const d of shown.querySelectorAll("details")) {
    next.getElementById(d.id)?.toggleAttribute("open", d.open);
  }
  if (fresh.innerHTML === shown.innerHTML) return;
  const focus = document.activeElement?.id;
  shown.replaceWith(document.adoptNode(fresh));
  document.title = next.title;
  if (focus) document.getElementById(focus)?.focus({ preventScroll: true });
}

setInterval(() => refresh().catch(() => {}), period);
