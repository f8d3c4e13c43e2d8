"use strict";
// Where boxes stand and lines run: in columns from left to right, and no line behind a box. A line
// that passes a column has a lane of its own there, as high as a line; one that leads back has
// lanes in all columns that it passes, and enters its target from the left as all others do.
const layout = (() => {
  const WIDTH = 230, HEIGHT = 34, GAP_X = 150, GAP_Y = 14, LANE = 8, PORT = 18, MOST_PORTS = 40, EDGE = 12;

  function grouped(lines, end) {
    const found = new Map();
    for (const one of lines) (found.get(one.link[end]) || found.set(one.link[end], []).get(one.link[end])).push(one);
    return found;
  }

  // Links that close a circle, which count for no column.
  function closing(ids, outs) {
    const state = new Map(), found = new Set();
    for (const start of ids) {
      if (state.has(start)) continue;
      const stack = [[start, 0]];
      state.set(start, "open");
      while (stack.length) {
        const top = stack.at(-1), next = (outs.get(top[0]) || [])[top[1]];
        top[1] += 1;
        if (!next) { state.set(top[0], "done"); stack.pop(); continue; }
        const seen = state.get(next.link.target);
        if (seen === "open") found.add(next);
        else if (!seen) { state.set(next.link.target, "open"); stack.push([next.link.target, 0]); }
      }
    }
    return found;
  }

  function columnsOf(ids, outs, ins) {
    const sources = ids.filter((id) => !ins.has(id)), others = ids.filter((id) => ins.has(id));
    const back = closing([...sources, ...others], outs), column = new Map(ids.map((id) => [id, 0]));
    const left = new Map(ids.map((id) => [id, (ins.get(id) || []).filter((one) => !back.has(one)).length]));
    const ready = ids.filter((id) => left.get(id) === 0);
    for (const id of ready) {
      for (const one of outs.get(id) || []) {
        if (back.has(one)) continue;
        const to = one.link.target;
        column.set(to, Math.max(column.get(to), column.get(id) + 1));
        left.set(to, left.get(to) - 1);
        if (left.get(to) === 0) ready.push(to);
      }
    }
    // What nothing leads to stands beside what it leads to.
    for (const id of sources) column.set(id, Math.min(...(outs.get(id) || []).map((one) => column.get(one.link.target))) - 1);
    const first = Math.min(0, ...column.values());
    for (const id of ids) column.set(id, column.get(id) - first);
    return column;
  }

  // Every column's boxes and lanes in an order that keeps lines short: each beside what it hangs on.
  function ordered(columns, near) {
    for (let sweep = 0; sweep < 6; sweep += 1) {
      const isRight = sweep % 2 === 0, order = isRight ? [...columns.keys()] : [...columns.keys()].reverse();
      for (const at of order) {
        const beside = columns[at + (isRight ? -1 : 1)];
        if (!beside) continue;
        const place = new Map(beside.map((one, index) => [one, index / beside.length]));
        const wanted = new Map(columns[at].map((one, index) => {
          const found = (near.get(one) || []).map((other) => place.get(other)).filter((here) => here !== undefined);
          return [one, found.length ? found.reduce((sum, here) => sum + here, 0) / found.length : index / columns[at].length];
        }));
        columns[at].sort((one, other) => wanted.get(one) - wanted.get(other));
      }
    }
  }

  function stack(columns, near) {
    columns.forEach((items, at) => {
      let free = EDGE;
      for (const item of items) {
        const known = at === 0 ? [] : (near.get(item) || []).filter((other) => other.column === at - 1).map((other) => other.y + other.height / 2);
        const wanted = known.length ? known.reduce((sum, y) => sum + y, 0) / known.length - item.height / 2 : 0;
        item.y = Math.max(free, item.isLane || items.length > 60 ? free : wanted);
        free = item.y + item.height + GAP_Y;
      }
    });
  }

  function ports(lines, item, before) {
    const sorted = [...lines].sort((one, other) => before(one) - before(other));
    return sorted.map((one, index) => [one, item.y + (item.height * (index + 1)) / (sorted.length + 1)]);
  }

  // It falls at once and comes in flat, so that a label at its end stands on its own line.
  const curve = (x1, y1, x2, y2) => `C${x1 + (x2 - x1) * 0.3} ${y1} ${x1 + (x2 - x1) * 0.15} ${y2} ${x2} ${y2}`;
  const turn = (x, y1, y2, side) => `C${x + side * 55} ${y1} ${x + side * 55} ${y2} ${x} ${y2}`;
  const leftward = (x1, y1, x2, y2) => `C${(x1 + x2) / 2} ${y1} ${(x1 + x2) / 2} ${y2} ${x2} ${y2}`;

  function pathOf(one, from, to, left) {
    const x = (column) => left + column * (WIDTH + GAP_X);
    let here = x(from.column) + WIDTH, y = one.out, path = `M${here} ${y}`;
    for (const [index, lane] of one.lanes.entries()) {
      const near = x(lane.column), middle = lane.y + lane.height / 2;
      if (!one.isBack) path += `${curve(here, y, near, middle)}H${near + WIDTH}`;
      else path += `${index === 0 ? turn(here, y, middle, 1) : leftward(here, y, near + WIDTH, middle)}H${near}`;
      here = one.isBack ? near : near + WIDTH;
      y = middle;
    }
    return path + (one.isBack ? turn(here, y, one.into, -1) : curve(here, y, x(to.column), one.into));
  }

  /* Places `ids` with the `links` between them. Returns `width`, `height`, `boxes` by id (x, y, width,
     height) and `lines`, each with its `link`, `path`, and `label`, a point or null where none fits. */
  return (ids, links) => {
    const lines = links.map((link) => ({ link, lanes: [] })), outs = grouped(lines, "source"), ins = grouped(lines, "target");
    const linked = ids.filter((id) => outs.has(id) || ins.has(id)), alone = ids.filter((id) => !outs.has(id) && !ins.has(id));
    const column = columnsOf(linked, outs, ins), columns = [], items = new Map(), near = new Map();
    const beside = (one, other) => {
      for (const [from, to] of [[one, other], [other, one]]) (near.get(from) || near.set(from, []).get(from)).push(to);
    };
    const put = (item) => { (columns[item.column] ||= []).push(item); return item; };
    for (const id of linked) {
      const labels = Math.min(MOST_PORTS, (ins.get(id) || []).length);
      items.set(id, put({ id, column: column.get(id), height: Math.max(HEIGHT, labels * PORT + 6) }));
    }
    for (const one of lines) {
      const from = items.get(one.link.source), to = items.get(one.link.target);
      one.isBack = to.column <= from.column;
      let last = from;
      const step = one.isBack ? -1 : 1, end = one.isBack ? to.column - 1 : to.column;
      for (let at = one.isBack ? from.column : from.column + 1; at !== end; at += step) {
        const lane = put({ column: at, height: LANE, isLane: true });
        one.lanes.push(lane);
        beside(last, lane);
        last = lane;
      }
      beside(last, to);
    }
    ordered(columns, near);
    stack(columns, near);
    for (const [id, found] of outs) for (const [one, y] of ports(found, items.get(id), (each) => (each.lanes[0] || items.get(each.link.target)).y)) one.out = y;
    for (const [id, found] of ins) for (const [one, y] of ports(found, items.get(id), (each) => (each.lanes.at(-1) || items.get(each.link.source)).y)) one.into = y;
    const isFed = (columns[0] || []).some((item) => ins.has(item.id)), left = isFed ? GAP_X : EDGE;
    const bottom = Math.max(EDGE, ...[...columns.flat()].map((item) => item.y + item.height + GAP_Y));
    const wide = Math.max(columns.length, alone.length ? 3 : 1), boxes = new Map();
    for (const [id, item] of items) boxes.set(id, { x: left + item.column * (WIDTH + GAP_X), y: item.y, width: WIDTH, height: item.height });
    alone.forEach((id, index) => boxes.set(id, {
      x: left + (index % wide) * (WIDTH + GAP_X), y: bottom + Math.floor(index / wide) * (HEIGHT + GAP_Y), width: WIDTH, height: HEIGHT,
    }));
    let last = null;
    for (const found of ins.values()) {
      last = -Infinity;
      for (const one of [...found].sort((each, other) => each.into - other.into)) {
        const fits = one.into - last >= 13;
        if (fits && one.link.label) last = one.into;
        one.label = fits && one.link.label ? { x: boxes.get(one.link.target).x - 12, y: one.into - 4 } : null;
      }
    }
    return {
      width: left + wide * (WIDTH + GAP_X) - GAP_X + 60, height: bottom + Math.ceil(alone.length / wide) * (HEIGHT + GAP_Y), boxes,
      lines: lines.map((one) => ({ link: one.link, label: one.label, path: pathOf(one, items.get(one.link.source), items.get(one.link.target), left) })),
    };
  };
})();
