"use strict";
// The token is kept for this tab only and sent as a header, never as a cookie.
const token = () => sessionStorage.getItem("rmqsync-token");
const byId = (id) => document.getElementById(id);
const bytes = (text) => String.fromCharCode(...new TextEncoder().encode(text));
// In bytes, as headers have it: a token that is not ASCII must not fail in here.
const bearer = (value) => ({ Authorization: `Bearer ${bytes(value)}` });
const say = (text) => { byId("status").textContent = text; };

// What each button asks for, and the right that it takes.
const RIGHTS = { plan: "plan", sync: "sync", cancel: "sync", pause: "pause", resume: "pause", approve: "approve" };
const rightOf = (button) => RIGHTS[button.dataset.post.split("/").pop()];

function signOut() {
  for (const key of ["rmqsync-token", "rmqsync-name", "rmqsync-can"]) sessionStorage.removeItem(key);
}

async function signIn() {
  const values = await ask("Sign in", "The token stays in this tab until it is closed.", [["token", "Token", "password", true]]);
  if (values === null) return;
  try {
    const answer = await fetch("/api/v1/token", { headers: bearer(values.token) });
    const found = await answer.json().catch(() => ({}));
    if (!answer.ok) return say(`Sign in: ${found.error || answer.status}`);
    sessionStorage.setItem("rmqsync-token", values.token);
    sessionStorage.setItem("rmqsync-name", found.name);
    sessionStorage.setItem("rmqsync-can", found.can.join(" "));
    say("");
  } catch (error) {
    say("Sign in: the daemon does not answer");
  }
}

function showSignedIn() {
  const isIn = Boolean(token());
  const can = isIn ? (sessionStorage.getItem("rmqsync-can") || "").split(" ") : [];
  const lacks = [...new Set([...document.querySelectorAll("[data-post]")].map(rightOf))].filter((one) => !can.includes(one));
  const hint = isIn ? `Token '${sessionStorage.getItem("rmqsync-name")}' may not ${lacks.join(", ")}.` : "Sign in to use these.";
  byId("sign-in").hidden = false;
  byId("sign-in").textContent = isIn ? "Sign out" : "Sign in";
  for (const one of document.querySelectorAll("[data-post]")) one.disabled = !can.includes(rightOf(one));
  for (const one of document.querySelectorAll("[data-signed-out]")) {
    one.hidden = lacks.length === 0;
    one.textContent = hint;
  }
}

function ask(title, text, fields) {
  byId("dialog-title").textContent = title;
  byId("dialog-text").textContent = text;
  const inputs = fields.map(([name, label, type, required, pattern]) => {
    const input = document.createElement("input");
    Object.assign(input, { name, type, required, autocomplete: "off", maxLength: 500 });
    if (pattern) input.pattern = pattern;
    const wrapper = document.createElement("label");
    wrapper.append(label, input);
    return wrapper;
  });
  byId("dialog-fields").replaceChildren(...inputs);
  const dialog = byId("dialog");
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => {
    refresh();
    if (dialog.returnValue !== "ok") return resolve(null);
    const values = {};
    for (const one of byId("dialog-fields").querySelectorAll("input")) values[one.name] = one.value;
    resolve(values);
  }, { once: true }));
}

const FIELDS = {
  reason: ["reason", "Reason", "text", false],
  "reason!": ["reason", "Reason", "text", true],
  for: ["for", "For how long, such as 2h; empty: until somebody resumes", "text", false, "[1-9][0-9]{0,5}[smhd]"],
};

// What is only accepted is not done yet: the page shows when it is.
function outcome(found) {
  if (found.note) return found.note;
  if (found.result === "accepted") return "asked for; this page shows what comes of it.";
  return (found.result || "").startsWith("nothing") ? `${found.result}.` : "done.";
}

async function act(button) {
  const body = button.dataset.body ? JSON.parse(button.dataset.body) : {};
  if (button.dataset.title) {
    const fields = (button.dataset.ask || "").split(" ").filter(Boolean).map((name) => FIELDS[name]);
    const values = await ask(button.dataset.title, button.dataset.text || "", fields);
    if (values === null) return;
    for (const [name, value] of Object.entries(values)) if (value) body[name] = value;
  }
  button.disabled = true;
  try {
    const answer = await fetch(button.dataset.post, {
      method: "POST",
      headers: { ...bearer(token()), "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    const found = await answer.json().catch(() => ({}));
    if (answer.status === 401) signOut();
    say(`${button.textContent}: ${answer.ok ? outcome(found) : found.error || answer.status}`);
  } catch (error) {
    say(`${button.textContent}: the daemon does not answer`);
  }
  showSignedIn();
}

function filterRows() {
  const box = byId("filter");
  if (!box) return;
  box.closest(".filter").hidden = false;
  const words = box.value.toLowerCase();
  for (const row of document.querySelectorAll("[data-filter]")) {
    row.hidden = !row.dataset.filter.toLowerCase().includes(words);
  }
}

// By the clock of the daemon: that of a phone may be another. As `_age` and `_due` of pages.py.
let ahead_ms = 0;
function setClock(body) { ahead_ms = Date.parse(body.dataset.at) - Date.now(); }
function age(at, isDue) {
  const seconds = (Date.now() + ahead_ms - Date.parse(at)) / 1000;
  if (isDue && seconds >= 0) return "now";
  const size = Math.abs(seconds);
  const [length, word] = [[86400, "d"], [3600, "h"], [60, "min"]].find(([one]) => size >= one) || [1, "s"];
  const text = `${Math.round(size / length)} ${word}`;
  return seconds >= 0 ? `${text} ago` : `in ${text}`;
}
function showAges() {
  for (const one of document.querySelectorAll("time")) {
    const text = age(one.dateTime, "due" in one.dataset);
    if (one.textContent !== text) one.textContent = text;
  }
}

// A new version: the main part is fetched anew; what is open, typed or focused stays so.
let version = Number(document.body.dataset.version);
let shown = version;
let isFetching = false;
async function refresh() {
  if (isFetching || shown === version || byId("dialog").open || byId("as-of")) return;
  isFetching = true;
  const wanted = version;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok || byId("dialog").open) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const main = byId("main"), fresh = page.getElementById("main");
    const open = new Set([...main.querySelectorAll("details[open]")].map((one) => one.dataset.key));
    const known = new Set([...main.querySelectorAll("details")].map((one) => one.dataset.key));
    for (const one of fresh.querySelectorAll("details")) {
      if (known.has(one.dataset.key)) one.open = open.has(one.dataset.key);
    }
    const text = byId("filter") ? byId("filter").value : "";
    const focus = focused();
    main.replaceChildren(...fresh.childNodes);
    setClock(page.body);
    if (byId("filter")) byId("filter").value = text;
    filterRows();
    showSignedIn();
    if (focus !== null) refocus(focus);
    shown = wanted;
  } catch (error) {
    say("Not connected; trying again.");
  } finally {
    isFetching = false;
  }
  if (shown === wanted) refresh(); // it may have changed again meanwhile
}

// Whether what a page shows of a whole cluster is old: to read it for every news would be too much.
async function news(cluster) {
  const answer = await fetch("/api/v1/fleet");
  const one = (await answer.json()).clusters.find((each) => each.name === cluster);
  return JSON.stringify(one && [one.sync, one.commit, one.applied, one.summary, one.drifted, one.last_run]);
}
async function watch(panel) {
  panel.hidden = false;
  byId("again").addEventListener("click", () => location.reload());
  const told = await news(panel.dataset.cluster).catch(() => null);
  document.addEventListener("rmqsync:version", async () => {
    const now = await news(panel.dataset.cluster).catch(() => told);
    if (told !== null && now !== told) byId("stale").hidden = false;
  });
}

const REACHABLE = "a[href], button, input, select, summary";
function focused() {
  const main = byId("main");
  if (!main.contains(document.activeElement) || document.activeElement === main) return null;
  return mark(document.activeElement);
}
// What a thing does, and where: many buttons are called alike, and Enter must not mean another one.
function mark(one) {
  const { post, body } = one.dataset, part = one.closest("details");
  return JSON.stringify([one.tagName, one.id, one.getAttribute("href"), post, body, part && part.dataset.key]);
}
function refocus(wanted) {
  const all = [...byId("main").querySelectorAll(REACHABLE)];
  (all.find((one) => mark(one) === wanted) || byId("main")).focus({ preventScroll: true });
}

// Only while somebody looks: a browser has six connections to one address, for all of its tabs.
let source = null;
function listen() {
  if (source) source.close();
  source = null;
  if (document.hidden) return;
  source = new EventSource("/api/v1/events");
  source.onmessage = (event) => {
    version = JSON.parse(event.data).version;
    document.dispatchEvent(new Event("rmqsync:version"));
    refresh();
  };
  source.onerror = () => say("Not connected; trying again.");
  source.onopen = () => { if (byId("status").textContent.startsWith("Not connected")) say(""); };
}

function theme(next) {
  if (next) localStorage.setItem("rmqsync-theme", next);
  const chosen = localStorage.getItem("rmqsync-theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
}

theme();
byId("theme").hidden = false;
byId("theme").addEventListener("click", () => {
  const isDark = document.documentElement.dataset.theme === "dark"
    || (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
  theme(isDark ? "light" : "dark");
});
byId("sign-in").addEventListener("click", async () => {
  say("");
  if (token()) signOut();
  else await signIn();
  showSignedIn();
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-post]");
  if (button) act(button);
});
document.addEventListener("input", (event) => { if (event.target.id === "filter") filterRows(); });
document.addEventListener("visibilitychange", listen);
filterRows();
showSignedIn();
setClock(document.body);
setInterval(showAges, 5000);
listen();
const watching = byId("as-of") && watch(byId("as-of"));
