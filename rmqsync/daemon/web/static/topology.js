"use strict";
// Draws what leads to and from one object, or all of a small cluster. Never more than fits.
(() => {
  const MOST = 400, HOPS = 2, WIDTH = 230, HEIGHT = 34, GAP_X = 130, GAP_Y = 14;
  const SVG = "http://www.w3.org/2000/svg";
  const panel = document.getElementById("topology");
  const [search, vhost, back, open] = ["search", "vhost", "back", "open"].map((id) => document.getElementById(id));
  const results = document.getElementById("results"), found = document.getElementById("found");
  const picture = document.getElementById("picture");
  let nodes = new Map(), outs = new Map(), ins = new Map(), chosen = null;
  const trail = [];

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

  function matching() {
    const words = search.value.toLowerCase(), where = vhost.value;
    return [...nodes.values()].filter((one) => (!where || one.vhost === where) && one.id.toLowerCase().includes(words));
  }

  function around(start) {
    const near = new Set([start]);
    let edge = [start];
    for (let hop = 0; hop < HOPS; hop += 1) {
      const next = [];
      for (const id of edge) {
        for (const link of [...(outs.get(id) || []), ...(ins.get(id) || [])]) {
          const other = link.source === id ? link.target : link.source;
          if (!near.has(other) && near.size < MOST) { near.add(other); next.push(other); }
        }
      }
      edge = next;
    }
    return near;
  }

  function columns(ids) {
    const column = new Map();
    const visit = (id, level, path) => {
      if ((column.get(id) ?? -1) >= level || path.has(id) || level > 12) return;
      column.set(id, level);
      path.add(id);
      for (const link of outs.get(id) || []) if (ids.has(link.target)) visit(link.target, level + 1, path);
      path.delete(id);
    };
    for (const id of ids) if (!(ins.get(id) || []).some((link) => ids.has(link.source) && link.source !== id)) visit(id, 0, new Set());
    for (const id of ids) if (!column.has(id)) visit(id, 0, new Set());
    return column;
  }

  function draw(ids) {
    const column = columns(ids), rows = new Map(), at = new Map();
    for (const id of [...ids].sort()) {
      const level = column.get(id) || 0, row = rows.get(level) || 0;
      rows.set(level, row + 1);
      at.set(id, [10 + level * (WIDTH + GAP_X), 10 + row * (HEIGHT + GAP_Y)]);
    }
    const width = 20 + (Math.max(0, ...rows.keys()) + 1) * (WIDTH + GAP_X) - GAP_X;
    const height = 10 + Math.max(1, ...rows.values()) * (HEIGHT + GAP_Y);
    const svg = element("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "Topology" });
    const lines = [...ids].flatMap((id) => [...joined(outs.get(id) || [])]).filter((link) => at.has(link.target)).map((link) => line(link, at));
    svg.append(...lines.map(([path]) => path), ...lines.flatMap(([, ...labels]) => labels));
    for (const id of ids) svg.append(box(nodes.get(id), at.get(id)));
    picture.replaceChildren(svg);
  }

  // Links of one kind between the same two are one line with all of their labels.
  function joined(links) {
    const found = new Map();
    for (const link of links) {
      const key = `${link.kind} ${link.target}`, known = found.get(key);
      if (!known) found.set(key, { ...link });
      else if (link.label) known.label = known.label ? `${known.label}, ${link.label}` : link.label;
    }
    return found.values();
  }

  function line(link, at) {
    const [x1, y1] = at.get(link.source), [x2, y2] = at.get(link.target);
    const from = x1 + WIDTH, a = y1 + HEIGHT / 2, b = y2 + HEIGHT / 2, mid = (from + x2) / 2;
    const path = element("path", { class: `link ${link.kind}`, d: `M${from} ${a}C${mid} ${a} ${mid} ${b} ${x2} ${b}` });
    path.append(element("title", {}, `${link.kind} ${link.label}`));
    if (!link.label) return [path];
    return [path, element("text", { class: "label", x: x2 - 6, y: b - 5 }, short(link.label, 16))];
  }

  function box(one, [x, y]) {
    const group = element("g", {
      class: `node ${one.kind} ${one.state}${one.id === chosen ? " chosen" : ""}`, tabindex: "0", role: "button",
      transform: `translate(${x} ${y})`, "data-id": one.id, "aria-label": `${one.kind} ${one.name} in ${one.vhost || "no vhost"}, ${one.state}`,
    });
    group.append(element("rect", { width: WIDTH, height: HEIGHT, rx: one.kind === "exchange" ? 14 : 3 }),
      element("text", { x: 10, y: 21 }, short(`${one.kind[0].toUpperCase()} ${one.name}`, 29)), element("title", {}, `${one.id} (${one.state})`));
    return group;
  }

  function show() {
    const list = matching();
    back.disabled = trail.length === 0;
    open.hidden = chosen === null;
    results.replaceChildren();
    if (chosen !== null) {
      const near = around(chosen);
      open.href = `${panel.dataset.base}/objects/${chosen.split("/").map(encodeURIComponent).join("/")}`;
      found.textContent = `${chosen}: ${near.size - 1} objects around it${near.size < MOST ? "" : ", and not all are drawn"}`;
      draw(near);
      nodeOf(chosen).scrollIntoView({ block: "nearest", inline: "center" });
    } else if (list.length <= MOST) {
      found.textContent = `${list.length} of ${nodes.size} objects`;
      draw(new Set(list.map((one) => one.id)));
    } else {
      found.textContent = `${list.length} objects: too many to draw at once; search, or choose one`;
      picture.replaceChildren();
      list.slice(0, 50).forEach((one) => {
        const item = document.createElement("li"), button = document.createElement("button");
        Object.assign(button, { type: "button", textContent: one.id });
        button.dataset.id = one.id;
        item.append(button);
        results.append(item);
      });
    }
  }

  const nodeOf = (id) => [...picture.querySelectorAll(".node")].find((one) => one.dataset.id === id);
  function turnTo(id) {
    chosen = id;
    const address = location.pathname + location.search;
    history.replaceState(null, "", id === null ? address : `${address}#${encodeURIComponent(id)}`);
    show();
  }
  function focusOn(id) {
    (nodeOf(id) || search).focus();
  }
  function choose(id) {
    if (id === chosen || !nodes.has(id)) return;
    trail.push(chosen);
    turnTo(id);
    focusOn(id);
  }
  function goBack() {
    if (trail.length === 0) return;
    turnTo(trail.pop());
    focusOn(chosen);
  }
  function startAnew() {
    trail.length = 0;
    turnTo(null);
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

  fetch(panel.dataset.url).then((answer) => answer.json()).then((document_) => {
    nodes = new Map(document_.nodes.map((one) => [one.id, one]));
    for (const link of document_.links) {
      (outs.get(link.source) || outs.set(link.source, []).get(link.source)).push(link);
      (ins.get(link.target) || ins.set(link.target, []).get(link.target)).push(link);
    }
    panel.hidden = false;
    const wanted = decodeURIComponent(location.hash.slice(1));
    if (nodes.has(wanted)) chosen = wanted;
    show();
  }).catch(() => { found.textContent = "The topology cannot be had now."; panel.hidden = false; });
})();
