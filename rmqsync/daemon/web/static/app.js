"use strict";
// The token is kept for this tab only and sent as a header, never as a cookie.
const token = () => sessionStorage.getItem("rmqsync-token");
const byId = (id) => document.getElementById(id);
const bytes = (text) => String.fromCharCode(...new TextEncoder().encode(text));
const say = (text) => { byId("status").textContent = text; };

function showSignedIn() {
  const isIn = Boolean(token());
  byId("sign-in").hidden = false;
  byId("sign-in").textContent = isIn ? "Sign out" : "Sign in";
  for (const one of document.querySelectorAll("[data-post]")) one.disabled = !isIn;
  for (const one of document.querySelectorAll("[data-signed-out]")) one.hidden = isIn;
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
      // In bytes, as headers have it: a token that is not ASCII must not fail in here.
      headers: { Authorization: `Bearer ${bytes(token())}`, "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    const found = await answer.json().catch(() => ({}));
    if (answer.status === 401) sessionStorage.removeItem("rmqsync-token");
    say(answer.ok ? `${button.textContent}: done.` : `${button.textContent}: ${found.error || answer.status}`);
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

// A new version: the main part is fetched anew; what is open, typed or focused stays so.
let version = Number(document.body.dataset.version);
let shown = version;
let isFetching = false;
async function refresh() {
  if (isFetching || shown === version || byId("dialog").open || byId("topology")) return;
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
  if (token()) sessionStorage.removeItem("rmqsync-token");
  else {
    const values = await ask("Sign in", "The token stays in this tab until it is closed.", [["token", "Token", "password", true]]);
    if (values) sessionStorage.setItem("rmqsync-token", values.token);
  }
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
listen();
