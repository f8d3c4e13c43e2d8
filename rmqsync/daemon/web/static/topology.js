"use strict";
// Draws what leads to and from one object, or all of a small cluster. Never more than fits.
(() => {
  const MOST = 400, HOPS = 2, LISTED = 50, FEW = 10;
  const SVG = "http://www.w3.org/2000/svg";
  const panel = document.getElementById("topology");
  const [search, vhost, back, open, results, found, picture, more] = [
    "search", "vhost", "back", "open", "results", "found", "picture", "more",
  ].map((id) => document.getElementById(id));
  let nodes = new Map(), outs = new Map(), ins = new Map(), texts = new Map(), chosen = null, depth = 0, listed = LISTED;

  const element = (name, attributes, text) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };
  // Signs that nobody sees, or that turn the reading direction round, are shown as escapes.
  const visible = (text) => text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (one) => `\\u${one.codePointAt(0).toString(16).padStart(4, "0")}`);
  const short = (text, length) => {
    const signs = [...visible(text)];
    return signs.length > length ? `${signs.slice(0, length - 1).join("")}…` : signs.join("");
  };

  // What is searched: how a thing is called, not how its address spells that, and its routing keys.
  function textOf(one) {
    const labels = [...(outs.get(one.id) || []), ...(ins.get(one.id) || [])].map((link) => link.label);
    return [one.name, one.kind, one.id, one.vhost || "", ...labels].join("\n").toLowerCase();
  }
  // What is elsewhere is in no vhost of this cluster: it is shown with those that it is linked to.
  function isIn(one, where) {
    if (!where || one.vhost === where) return true;
    if (one.vhost !== null) return false;
    return [...(outs.get(one.id) || []), ...(ins.get(one.id) || [])].some((link) => [link.source, link.target].some((id) => nodes.get(id).vhost === where));
  }
  function matching() {
    const words = search.value.toLowerCase(), where = vhost.value;
    return [...nodes.values()].filter((one) => isIn(one, where) && texts.get(one.id).includes(words));
  }
  const isPolicy = (id) => nodes.get(id).kind.endsWith("policy");
  const called = (one) => `${one.kind.replace("_", " ")} ${visible(one.name)}${one.vhost === null ? "" : ` in ${visible(one.vhost)}`}`;

  function around(start) {
    const near = new Set([start]);
    let edge = [start];
    for (let hop = 0; hop < HOPS; hop += 1) {
      const next = [];
      for (const id of edge) {
        if (id !== start && isPolicy(id)) continue; // others of one policy have nothing to do with it
        for (const link of [...(outs.get(id) || []), ...(ins.get(id) || [])]) {
          const other = link.source === id ? link.target : link.source;
          if (!near.has(other) && near.size < MOST) { near.add(other); next.push(other); }
        }
      }
      edge = next;
    }
    return near;
  }

  function draw(ids) {
    const { width, height, boxes, lines } = layout([...ids].sort(), [...joined(drawable(ids))]);
    const svg = element("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "Topology" });
    svg.append(heads(new Set(lines.map(({ link }) => link.kind))), ...lines.map(line), ...lines.flatMap(label));
    for (const [id, place] of boxes) svg.append(box(nodes.get(id), place));
    picture.replaceChildren(svg);
  }

  // All links between what is drawn; a policy of many would hide what else there is, until one asks.
  function drawable(ids) {
    const links = [...ids].flatMap((id) => outs.get(id) || []).filter((link) => ids.has(link.target)), counts = new Map();
    for (const { source } of links) counts.set(source, (counts.get(source) || 0) + 1);
    return links.filter(({ source, target }) => !isPolicy(source) || counts.get(source) <= FEW || [source, target].includes(chosen));
  }

  function heads(kinds) {
    const made = element("defs", {});
    for (const kind of kinds) {
      const head = element("marker", { id: `head-${kind}`, class: `head ${kind}`, viewBox: "0 0 8 8", refX: 8, refY: 4, markerWidth: 8, markerHeight: 8, markerUnits: "userSpaceOnUse", orient: "auto" });
      head.append(element("path", { d: "M0 0L8 4L0 8Z" }));
      made.append(head);
    }
    return made;
  }

  // Links of one kind between the same two are one line with all of their labels.
  function joined(links) {
    const found = new Map();
    for (const link of links) {
      const key = JSON.stringify([link.kind, link.source, link.target]), known = found.get(key);
      if (!known) found.set(key, { ...link });
      else if (link.label) known.label = known.label ? `${known.label}, ${link.label}` : link.label;
    }
    return found.values();
  }

  function line({ link, path }) {
    const made = element("path", { class: `link ${link.kind}`, d: path, "marker-end": `url(#head-${link.kind})` });
    made.append(element("title", {}, `${link.kind} ${visible(link.label)}`));
    return made;
  }
  function label({ link, label: at }) {
    if (at === null) return [];
    const made = element("text", { class: `label ${link.kind}`, x: at.x, y: at.y }, short(link.label, 18));
    made.append(element("title", {}, `${link.kind} ${visible(link.label)}`));
    return [made];
  }

  function box(one, { x, y, width, height }) {
    const group = element("g", {
      class: `node box ${one.kind} ${one.state}${one.id === chosen ? " chosen" : ""}`, tabindex: "0", role: "button",
      transform: `translate(${x} ${y})`, "data-id": one.id, "aria-label": `${called(one)}, ${one.state}`,
    });
    const policies = [one.policy, one.operator_policy].filter((name) => name !== null);
    const title = [`${called(one)} (${one.state})`, ...policies.map((name) => `policy ${visible(name)}`)].join("\n");
    group.append(element("rect", { width, height, rx: one.kind === "exchange" ? 14 : 3 }),
      element("text", { x: 10, y: height / 2 + 4 }, short(`${one.kind[0].toUpperCase()} ${one.name}`, 29)), element("title", {}, title));
    return group;
  }

  // To the page of an object; of what is on another cluster, to that cluster's picture.
  function lead(one) {
    const isAway = one.cluster !== null && one.cluster !== panel.dataset.cluster;
    open.hidden = !isAway && one.address === null;
    if (open.hidden) return;
    open.textContent = isAway ? `Open on ${visible(one.cluster)}` : "Open object";
    const there = one.address === null ? "" : `#${encodeURIComponent(one.address)}`;
    open.href = isAway ? `/clusters/${encodeURIComponent(one.cluster)}/topology${there}`
      : `${panel.dataset.base}/objects/${one.address.split("/").map(encodeURIComponent).join("/")}`;
  }

  function show() {
    back.disabled = depth === 0;
    open.hidden = true;
    more.hidden = true;
    results.replaceChildren();
    if (chosen !== null) {
      const near = around(chosen), one = nodes.get(chosen);
      lead(one);
      const count = near.size - 1, what = `${count} ${count === 1 ? "object" : "objects"} around it`;
      found.textContent = `${called(one)}: ${what}${near.size < MOST ? "" : ", and not all are drawn"}`;
      draw(near);
      nodeOf(chosen).scrollIntoView({ block: "nearest", inline: "center" });
      return;
    }
    const list = matching();
    if (list.length <= MOST) {
      found.textContent = `${list.length} of ${nodes.size} objects`;
      draw(new Set(list.map((one) => one.id)));
      return;
    }
    const first = Math.min(listed, list.length);
    found.textContent = `${list.length} objects: too many to draw at once; search, or choose one. The first ${first} are listed.`;
    picture.replaceChildren();
    more.hidden = first === list.length;
    for (const one of list.slice(0, first)) {
      const item = document.createElement("li"), button = document.createElement("button");
      Object.assign(button, { type: "button", textContent: called(one), title: visible(one.id) });
      button.dataset.id = one.id;
      item.append(button);
      results.append(item);
    }
  }

  const nodeOf = (id) => [...picture.querySelectorAll(".node")].find((one) => one.dataset.id === id);
  // Each object that was looked at is an entry of the browser's history: its Back goes to the one before.
  const kept = () => ({ depth, search: search.value, vhost: vhost.value });
  function turnTo(id, isNew) {
    const address = location.pathname + location.search;
    chosen = id;
    history[isNew ? "pushState" : "replaceState"](kept(), "", id === null ? address : `${address}#${encodeURIComponent(id)}`);
    show();
  }
  function take(state) {
    depth = state ? state.depth : 0;
    if (state) [search.value, vhost.value] = [state.search, state.vhost];
    let wanted = "";
    try { wanted = decodeURIComponent(location.hash.slice(1)); } catch (error) { /* somebody's own */ }
    chosen = nodes.has(wanted) ? wanted : null;
    show();
  }
  function focusOn(id) {
    (nodeOf(id) || search).focus();
  }
  function choose(id) {
    if (id === chosen || !nodes.has(id)) return;
    depth += 1;
    turnTo(id, true);
    focusOn(id);
  }
  function goBack() {
    if (depth > 0) history.back();
  }
  function startAnew() {
    listed = LISTED;
    if (chosen !== null) depth += 1;
    turnTo(null, chosen !== null);
  }
  // Along a link, to the first that is drawn; Tab goes on to the others.
  function follow(id, links, end) {
    const there = new Set([...picture.querySelectorAll(".node")].map((one) => one.dataset.id));
    const link = (links.get(id) || []).find((one) => there.has(one[end]));
    if (link) focusOn(link[end]);
  }

  panel.addEventListener("click", (event) => {
    const one = event.target.closest("[data-id]");
    if (one) choose(one.dataset.id);
  });
  panel.addEventListener("keydown", (event) => {
    const one = event.target.closest("[data-id]");
    if (event.key === "Escape") goBack();
    if (!one || event.target.tagName === "BUTTON") return;
    if (event.key === "Enter" || event.key === " ") choose(one.dataset.id);
    else if (event.key === "ArrowRight") follow(one.dataset.id, outs, "target");
    else if (event.key === "ArrowLeft") follow(one.dataset.id, ins, "source");
    else return;
    event.preventDefault();
  });
  back.addEventListener("click", goBack);
  search.addEventListener("input", startAnew);
  vhost.addEventListener("change", startAnew);

  addEventListener("popstate", (event) => {
    take(event.state);
    focusOn(chosen);
  });
  more.addEventListener("click", () => { listed += 200; show(); });

  async function start() {
    await watching; // else what changes meanwhile would be news to nobody
    const drawn = await (await fetch(panel.dataset.url)).json();
    nodes = new Map(drawn.nodes.map((one) => [one.id, one]));
    const hang = (from, link, end) => (from.get(link[end]) || from.set(link[end], []).get(link[end])).push(link);
    for (const link of drawn.links) { hang(outs, link, "source"); hang(ins, link, "target"); }
    texts = new Map(drawn.nodes.map((one) => [one.id, textOf(one)]));
    const policies = new Map(drawn.nodes.filter((one) => isPolicy(one.id)).map((one) => [JSON.stringify([one.kind, one.vhost, one.name]), one.id]));
    for (const one of drawn.nodes) {
      for (const kind of ["policy", "operator_policy"]) {
        const source = policies.get(JSON.stringify([kind, one.vhost, one[kind]]));
        if (source === undefined) continue;
        const link = { source, target: one.id, kind: "policy", label: "" };
        hang(outs, link, "source");
        hang(ins, link, "target");
      }
    }
    const at = document.querySelector("#as-of time");
    at.textContent = new Date(drawn.at).toLocaleTimeString();
    panel.hidden = false;
    take(history.state);
  }
  start().catch(() => { found.textContent = "The topology cannot be had now."; panel.hidden = false; });
})();
