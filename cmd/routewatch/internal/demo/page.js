// Keeps the page at the state of the demo, and sends what is pressed. Texts of
// alerts come from requests, so nothing here writes HTML.
"use strict";

const period = 500; // milliseconds between two looks
const $ = (id) => document.getElementById(id);
const cards = new Map(); // by the alert's id: what is shown, and its element
let first = true;

// el makes an element with a class, text and children.
function el(tag, name, ...content) {
  const e = document.createElement(tag);
  if (name) e.className = name;
  e.append(...content.filter((c) => c !== null && c !== undefined));
  return e;
}

function time(at) {
  const t = el("time", "", new Date(at).toLocaleTimeString());
  t.dateTime = at;
  return t;
}

function took(ms) {
  return ms < 10 ? `${ms.toFixed(2)} ms` : `${Math.round(ms)} ms`;
}

function number(n) {
  return n.toLocaleString("en");
}

async function call(path, method) {
  const answer = await fetch(path, { method, cache: "no-store" });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error);
  return body;
}

// --- the shop ---------------------------------------------------------------

function answerLine(a) {
  const code = el("span", a.status >= 500 ? "code bad" : "code", `${a.status}`);
  const many = a.requests > 1 && a.button !== "mend" ? `${number(a.requests)} × ` : "";
  const time = a.requests > 1 ? `median ${took(a.median)}, slowest ${took(a.slowest)}` : took(a.median);
  return el("div", "", el("span", "mono", many + a.request), code, el("span", "took", time));
}

function showAnswers(answers) {
  const box = $("answers");
  const key = answers.map((a) => a.at).join();
  if (box.dataset.key === key || answers.length === 0) return;
  box.dataset.key = key;
  box.replaceChildren(...answers.map(answerLine));
  for (const got of document.querySelectorAll("[data-got]")) {
    const a = answers.find((a) => a.button === got.dataset.got);
    if (a) got.replaceChildren(el("b", a.status >= 500 ? "bad" : "", `${a.status}`), ` in ${took(a.median)}`);
  }
}

async function press(button) {
  if (button.ariaBusy === "true") return;
  button.ariaBusy = "true";
  try {
    await call(`/press/${button.dataset.press}`, "POST");
  } finally {
    button.ariaBusy = "false";
    await refresh();
  }
}

// --- the alerts -------------------------------------------------------------

function field(name, value) {
  return el("div", "", el("dt", "", name), el("dd", "mono", value));
}

function fields(a) {
  const list = el("dl", "fields");
  const who = (a.responders || []).map((r) => `${r.type} ${r.name || r.username || r.id}`).join(", ");
  if (who) list.append(field("responders", who));
  if (a.entity) list.append(field("entity", a.entity));
  list.append(field("source", a.source));
  for (const [name, value] of Object.entries(a.details || {}).sort()) {
    // The stack is long, and stands in the description.
    const lines = value.split("\n").length;
    list.append(field(name, name === "stack" ? `${lines} lines, as in the description` : value));
  }
  return list;
}

function more(a, open) {
  const d = el("details", "", el("summary", "", "Description and details"));
  d.open = open;
  if (a.description) d.append(el("pre", "", a.description));
  d.append(fields(a));
  return d;
}

function act(a, name, label) {
  const b = el("button", "", label);
  b.type = "button";
  b.addEventListener("click", () => call(`/alerts/${a.id}/${name}`, "POST").then(show, lost));
  return b;
}

function card(a, open) {
  const state = a.status === "closed" ? "closed" : a.acknowledged ? "acknowledged" : "open";
  const count = el("span", "count", "×" + number(a.count));
  count.title = "How often Opsgenie was told of it";
  const c = el("article", `alert ${a.priority} ${state}`,
    el("div", "head", el("span", "priority", a.priority), el("h3", "", a.message), count),
    el("p", "meta",
      el("span", `state ${state}`, state),
      el("span", "", "#" + a.tinyId),
      el("span", "", "created ", time(a.createdAt)),
      a.count > 1 ? el("span", "", "last ", time(a.lastOccurredAt)) : null,
      a.closedAt ? el("span", "", "closed ", time(a.closedAt)) : null,
      el("span", "", "alias ", el("code", "", a.alias))),
    el("ul", "tags", ...(a.tags || []).map((t) => el("li", "", t))),
    more(a, open));
  for (const n of a.notes || []) {
    c.append(el("p", "notes", time(n.createdAt), " ", n.note));
  }
  if (state !== "closed") {
    c.append(el("div", "acts",
      a.acknowledged ? null : act(a, "acknowledge", "Acknowledge"),
      act(a, "close", "Close")));
  }
  return c;
}

// shut closes the details that nobody has opened: those of the newest alert open
// by themselves.
function shut() {
  for (const shown of cards.values()) {
    if (!shown.chosen) shown.element.querySelector("details").open = false;
  }
}

function showAlerts(alerts) {
  const box = $("alerts");
  const newest = alerts.find((a) => a.status !== "closed");
  const seen = new Set();
  let before = $("empty");
  $("empty").hidden = alerts.length > 0;
  for (const a of alerts) {
    seen.add(a.id);
    const key = JSON.stringify(a);
    let shown = cards.get(a.id);
    if (!shown || shown.key !== key) {
      const old = shown?.element;
      const open = old ? old.querySelector("details").open : a === newest;
      if (!old && open) shut();
      const element = card(a, open);
      if (!old && !first) element.classList.add("fresh");
      old?.remove();
      shown = { key, element, chosen: shown?.chosen };
      cards.set(a.id, shown);
      const now = shown;
      element.querySelector("summary").addEventListener("click", () => { now.chosen = true; });
    }
    if (before.nextElementSibling !== shown.element) before.after(shown.element);
    before = shown.element;
  }
  for (const [id, shown] of cards) {
    if (seen.has(id)) continue;
    shown.element.remove();
    cards.delete(id);
  }
  first = false;
}

// --- all of it --------------------------------------------------------------

function summary(s, open) {
  const closed = s.alerts.length - open;
  const parts = [`${open} open, ${closed} closed.`];
  if (s.stats.Waiting > 0) parts.push(`${s.stats.Waiting} waiting to be delivered.`);
  if (s.stats.Retries > 0) parts.push(`${number(s.stats.Retries)} attempts failed and were repeated.`);
  return s.alerts.length + s.stats.Waiting > 0 ? parts.join(" ") : "Waiting for the first alert.";
}

function text(id, value) {
  if ($(id).textContent !== value) $(id).textContent = value;
}

function show(s) {
  const hits = s.stats.Hits;
  const open = s.alerts.filter((a) => a.status !== "closed").length;
  text("n-served", number(s.served));
  text("n-hits", number(hits.Status + hits.Latency + hits.Exception));
  text("n-calls", number(s.calls));
  text("n-open", number(open));
  $("n-open").classList.toggle("alarm", open > 0);
  text("summary", summary(s, open));
  $("down").checked = s.opsgenieDown;
  $("hidden").hidden = s.hidden === 0;
  text("hidden", `${s.hidden} older alerts are not shown.`);
  $("lost").hidden = true;
  document.title = open > 0 ? `(${open}) routewatch demo` : "routewatch demo";
  showAnswers(s.answers || []);
  showAlerts(s.alerts);
  showStatus(s.status);
}

// showStatus repeats what the status page says; the frame beside it is the page
// itself, and changes without any help from here.
function showStatus(s) {
  const words = { green: "operational", major: "partial outage", critical: "major outage" };
  const word = words[s.state] || "nothing heard yet";
  $("status").dataset.state = s.state;
  text("status-state", word);
  text("status-message", s.message);
  text("n-status", { green: "green", major: "orange", critical: "red" }[s.state] || "–");
  $("n-status").classList.toggle("alarm", s.state === "major" || s.state === "critical");
}

function lost() {
  $("lost").hidden = false;
}

async function refresh() {
  await call("/state", "GET").then(show, lost);
}

async function watch() {
  if (!document.hidden) await refresh();
  setTimeout(watch, period);
}

for (const b of document.querySelectorAll("[data-press]")) {
  b.addEventListener("click", () => press(b).catch(lost));
}
$("down").addEventListener("change", (e) => {
  call(e.target.checked ? "/opsgenie/down" : "/opsgenie/up", "POST").then(show, lost);
});
watch();
