"use strict";
// Everything that comes from a log is put on the page as text, never as markup.
const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const el = (tag, props = {}, ...children) => {
  const node = document.createElement(tag);
  Object.assign(node, props);
  node.append(...children);
  return node;
};
const named = (tag, className, textContent) => el(tag, { className, textContent });
const svg = (tag, attributes = {}, text = "") => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.textContent = text;
  return node;
};
const number = (value, digits = 3) => (value === null ? "–" : Number(value.toPrecision(digits)).toLocaleString("en"));
const percent = (value) => (value === null ? "–" : (100 * value).toFixed(value > 0 && value < 0.1 ? 1 : 0) + " %");
const many = (value) => value.toLocaleString("en");
const color = (index) => getComputedStyle(document.documentElement).getPropertyValue("--c" + index).trim();
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const dot = (index) => { const i = el("i"); i.className = "dot"; i.style.background = `var(--c${index})`; return i; };

// The address holds the state of the page, so that a view can be linked to.
const view = { class: null, change: null, advice: null, find: "", sort: "urgency", down: false, page: 0 };
function readAddress() {
  const asked = new URLSearchParams(location.hash.slice(1));
  view.class = asked.get("class");
  view.change = asked.get("change");
  view.advice = asked.get("advice");
  view.find = asked.get("find") ?? "";
  view.sort = asked.get("sort") ?? "urgency";
  view.down = asked.get("down") === "1";
  view.page = Number(asked.get("page") ?? 0) || 0;
}
function show(changes) {
  Object.assign(view, { page: 0 }, changes);
  const kept = Object.entries(view).filter(([name, value]) => value && !(name === "sort" && value === "urgency"));
  const text = new URLSearchParams(kept.map(([name, value]) => [name, value === true ? "1" : value])).toString();
  history.replaceState(null, "", text ? "#" + text : location.pathname + location.search);
  drawTable();
}

function head() {
  byId("source").textContent = data.source;
  byId("verdict").textContent = data.verdict;
  byId("lead").textContent = data.lead;
  for (const note of data.notes) byId("notes").append(el("p", { textContent: note }));
  for (const [value, label] of data.cards) {
    const card = el("div", {}, el("strong", { textContent: value }), el("span", { textContent: label }));
    card.className = "card";
    byId("cards").append(card);
  }
  const total = data.classes.reduce((sum, one) => sum + one.count, 0) || 1;
  byId("bar").setAttribute("aria-label", data.classes.map((one) => `${one.name}: ${one.count}`).join(", "));
  data.classes.forEach((one, index) => {
    if (!one.count) return;
    const part = el("i", { title: `${one.name}: ${many(one.count)}` });
    part.style.cssText = `flex: ${one.count / total}; background: var(--c${index})`;
    byId("bar").append(part);
  });
  byId("legend").append(...chips(data.classes, "class", true));
  byId("method").textContent = data.method;
}

function chips(entries, field, dots) {
  return entries.flatMap((one, index) => {
    if (!one.count) return [];
    const chip = el("button", { type: "button" });
    chip.className = "chip";
    chip.dataset[field] = one.name;
    if (dots) chip.append(dot(index));
    chip.append(one.name, el("b", { textContent: many(one.count) }));
    chip.addEventListener("click", () => show({ [field]: view[field] === one.name ? null : one.name }));
    return [chip];
  });
}

function advice() {
  for (const one of data.advice) {
    const parts = [el("strong", { textContent: one.action }), el("span", { textContent: one.text })];
    if (one.rows.length) {
      const link = named("button", "link", `Show these prompts (${many(one.rows.length)})`);
      link.addEventListener("click", () => {
        show({ class: null, change: null, find: "", advice: one.action });
        byId("find").value = "";
        byId("find").scrollIntoView();
      });
      parts[1].append(" ", link);
    }
    byId(one.worthwhile ? "advice" : "vain").append(
      one.worthwhile ? el("li", {}, ...parts) : el("li", {}, parts[0], ": ", parts[1])
    );
  }
}

const margin = { left: 52, right: 14, top: 12, bottom: 38 };
function ticks(low, high, wanted = 5) {
  const raw = (high - low) / wanted || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((f) => f * power).find((f) => f >= raw);
  const found = [];
  for (let t = Math.ceil(low / step - 1e-9) * step; t <= high + step * 1e-6; t += step) found.push(Math.abs(t) < step / 1e6 ? 0 : t);
  return found;
}

let place = null;
function scatter() {
  const canvas = byId("scatter"), ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth, height = 420;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const c = canvas.getContext("2d");
  c.scale(ratio, ratio);
  const { low, high, threshold } = data.settings;
  const top = 0.5 * (high - low) * 1.06;
  const x = (v) => margin.left + ((v - low) / (high - low)) * (width - margin.left - margin.right);
  const y = (v) => height - margin.bottom - (v / top) * (height - margin.top - margin.bottom);
  place = { x, y };
  c.font = "12px system-ui, sans-serif";
  c.fillStyle = css("--soft");
  c.strokeStyle = css("--line");
  c.textAlign = "center";
  for (const t of ticks(low, high)) {
    c.beginPath(); c.moveTo(x(t), margin.top); c.lineTo(x(t), height - margin.bottom); c.stroke();
    c.fillText(number(t), x(t), height - margin.bottom + 16);
  }
  c.textAlign = "right";
  for (const t of ticks(0, top)) {
    c.beginPath(); c.moveTo(margin.left, y(t)); c.lineTo(width - margin.right, y(t)); c.stroke();
    c.fillText(number(t), margin.left - 7, y(t) + 4);
  }
  c.textAlign = "center";
  c.fillText("mean of the reward (estimate)", (margin.left + width) / 2, height - 6);
  c.save(); c.translate(12, height / 2); c.rotate(-Math.PI / 2); c.fillText("std of the reward (estimate)", 0, 0); c.restore();
  c.strokeStyle = css("--soft");
  c.lineWidth = 1.2;
  c.beginPath();
  for (let i = 0; i <= 200; i++) {
    const m = low + ((high - low) * i) / 200;
    c.lineTo(x(m), y(Math.sqrt((m - low) * (high - m))));
  }
  c.stroke();
  c.setLineDash([5, 4]);
  c.beginPath(); c.moveTo(margin.left, y(threshold)); c.lineTo(width - margin.right, y(threshold)); c.stroke();
  c.setLineDash([]);
  const { mean, std, cls } = data.points;
  const radius = mean.length > 1500 ? 2.2 : 3.4;
  c.globalAlpha = mean.length > 1500 ? 0.45 : 0.65;
  const colors = data.classes.map((_, index) => color(index));
  for (let i = 0; i < mean.length; i++) {
    c.fillStyle = colors[cls[i]];
    c.beginPath(); c.arc(x(mean[i]), y(std[i]), radius, 0, 7); c.fill();
  }
  c.globalAlpha = 1;
}

function nearest(event) {
  const box = byId("scatter").getBoundingClientRect();
  const px = event.clientX - box.left, py = event.clientY - box.top;
  let best = -1, distance = 14 ** 2;
  data.points.mean.forEach((m, i) => {
    const d = (place.x(m) - px) ** 2 + (place.y(data.points.std[i]) - py) ** 2;
    if (d < distance) { distance = d; best = i; }
  });
  return best;
}

function pointing() {
  const canvas = byId("scatter"), tip = byId("tip");
  canvas.addEventListener("mousemove", (event) => {
    const i = nearest(event);
    tip.hidden = i < 0;
    scatter();
    if (i < 0) return;
    const p = data.points, c = canvas.getContext("2d");
    c.strokeStyle = color(p.cls[i]);
    c.lineWidth = 2.5;
    c.beginPath(); c.moveTo(place.x(p.mean[i]), place.y(p.low[i])); c.lineTo(place.x(p.mean[i]), place.y(p.high[i])); c.stroke();
    tip.replaceChildren(
      el("b", { textContent: p.id[i] }),
      `${data.classes[p.cls[i]].name} · mean ${number(p.mean[i])}, std ${number(p.std[i], 2)}, in ` +
        `[${number(p.low[i], 2)}, ${number(p.high[i], 2)}]`
    );
    const box = canvas.getBoundingClientRect();
    const left = Math.min(event.clientX - box.left + 16, box.width - tip.offsetWidth - 4);
    tip.style.left = Math.max(left, 4) + "px";
    tip.style.top = event.clientY - box.top + 18 + "px";
  });
  canvas.addEventListener("mouseleave", () => { tip.hidden = true; scatter(); });
  canvas.addEventListener("click", (event) => {
    const i = nearest(event);
    if (i < 0) return;
    show({ class: null, change: null, advice: null, find: data.points.id[i] });
    byId("find").value = view.find;
    byId("table").scrollIntoView({ block: "center" });
  });
}

function histogram() {
  const target = byId("histogram"), width = target.clientWidth || 900, height = 220;
  target.setAttribute("viewBox", `0 0 ${width} ${height}`);
  target.style.height = height + "px";
  const { edges, counts } = data.histogram;
  const totals = edges.slice(1).map((_, bin) => counts.reduce((sum, one) => sum + one[bin], 0));
  const most = Math.max(...totals, 1), last = edges[edges.length - 1];
  const x = (v) => margin.left + (v / last) * (width - margin.left - margin.right);
  const y = (v) => height - margin.bottom - (v / most) * (height - margin.top - margin.bottom);
  const parts = [];
  for (const t of ticks(0, most, 4)) {
    if (!Number.isInteger(t)) continue;
    parts.push(svg("line", { x1: margin.left, x2: width - margin.right, y1: y(t), y2: y(t), stroke: "var(--line)" }));
    parts.push(svg("text", { x: margin.left - 7, y: y(t) + 4, "text-anchor": "end" }, many(t)));
  }
  for (let bin = 0; bin + 1 < edges.length; bin++) {
    let below = 0;
    counts.forEach((one, index) => {
      if (!one[bin]) return;
      const bar = svg("rect", {
        x: x(edges[bin]) + 0.5, width: Math.max(x(edges[bin + 1]) - x(edges[bin]) - 1, 1),
        y: y(below + one[bin]), height: y(below) - y(below + one[bin]), fill: `var(--c${index})`,
      });
      bar.append(svg("title", {}, `${data.classes[index].name}: ${many(one[bin])} prompts`));
      parts.push(bar);
      below += one[bin];
    });
  }
  const mark = x(data.settings.threshold);
  parts.push(svg("line", { x1: mark, x2: mark, y1: margin.top, y2: height - margin.bottom, stroke: "var(--soft)", "stroke-dasharray": "5 4" }));
  for (const t of ticks(0, last)) parts.push(svg("text", { x: x(t), y: height - margin.bottom + 16, "text-anchor": "middle" }, number(t)));
  parts.push(svg("text", { x: (margin.left + width) / 2, y: height - 4, "text-anchor": "middle" }, "std of the reward (estimate); prompts"));
  target.replaceChildren(...parts);
}

function curves() {
  if (!data.curves) return;
  byId("time").hidden = false;
  byId("time-hint").textContent = data.curves.hint;
  const steps = data.curves.steps;
  for (const { label, values, top } of data.curves.lines) {
    const known = values.map((v, i) => [steps[i], v]).filter(([, v]) => v !== null);
    if (!known.length) continue;
    const width = 300, height = 120, pad = { left: 40, bottom: 20, top: 8, right: 6 };
    const ys = known.map(([, v]) => v);
    const lowest = Math.min(0, ...ys), most = Math.max(...ys);
    const highest = top ?? (most > lowest ? most : lowest + 1);
    const x = (v) => pad.left + ((v - steps[0]) / (steps[steps.length - 1] - steps[0] || 1)) * (width - pad.left - pad.right);
    const y = (v) => height - pad.bottom - ((v - lowest) / (highest - lowest || 1)) * (height - pad.top - pad.bottom);
    const image = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
    for (const t of ticks(lowest, highest, 3)) {
      image.append(svg("line", { x1: pad.left, x2: width - pad.right, y1: y(t), y2: y(t), stroke: "var(--line)" }));
      image.append(svg("text", { x: pad.left - 5, y: y(t) + 4, "text-anchor": "end" }, number(t, 2)));
    }
    image.append(svg("path", { d: "M" + known.map(([s, v]) => `${x(s).toFixed(1)} ${y(v).toFixed(1)}`).join("L"), fill: "none", stroke: "var(--accent)", "stroke-width": 1.8 }));
    if (known.length === 1) image.append(svg("circle", { cx: x(known[0][0]), cy: y(ys[0]), r: 3, fill: "var(--accent)" }));
    image.append(svg("text", { x: pad.left, y: height - 4 }, "step " + many(steps[0])));
    image.append(svg("text", { x: width - pad.right, y: height - 4, "text-anchor": "end" }, many(steps[steps.length - 1])));
    byId("curves").append(el("figure", {}, el("figcaption", {}, label, el("b", { textContent: number(ys[ys.length - 1]) })), image));
  }
  byId("changes").append(...chips(data.changes, "change", false));
}

const columns = [
  ["prompt, and why", "id", "text"], ["class, and what to do", "urgency", "text"],
  ["n", "n"], ["mean", "mean"], ["std", "std"], ["interval", "high"], ["P(low std)", "plow"],
  ["rollouts", "rollouts"],
];
if (data.curves) columns.splice(2, 0, ["change", "change", "text"]);

function interval(row) {
  const most = 0.5 * (data.settings.high - data.settings.low), x = (v) => 2 + (v / most) * 106;
  const image = svg("svg", { viewBox: "0 0 110 16" });
  image.setAttribute("class", "range");
  image.append(svg("line", { x1: 2, x2: 108, y1: 8, y2: 8, stroke: "var(--line)", "stroke-width": 2 }));
  image.append(svg("line", { x1: x(row.low), x2: x(row.high), y1: 8, y2: 8, stroke: `var(--c${row.cls})`, "stroke-width": 4, "stroke-linecap": "round" }));
  image.append(svg("circle", { cx: x(row.std), cy: 8, r: 3.5, fill: "var(--ink)" }));
  image.append(svg("line", { x1: x(data.settings.threshold), x2: x(data.settings.threshold), y1: 2, y2: 14, stroke: "var(--soft)" }));
  image.append(svg("title", {}, `${number(row.low, 2)} to ${number(row.high, 2)}`));
  return image;
}

function cell(row, field, kind, label) {
  const one = data.classes[row.cls];
  const content = {
    urgency: () => [dot(row.cls), one.name, named("span", "reason", row.action)],
    high: () => [interval(row)],
    plow: () => [percent(row.plow)],
    mean: () => [number(row.mean)],
    std: () => [number(row.std, 2)],
    rollouts: () => [row.rollouts ? many(row.rollouts) : "–"],
    n: () => [many(row.n)],
    id: () => [named("span", "id", row.id), named("span", "reason", row.reason)],
  }[field] ?? (() => [row[field] ?? ""]);
  const node = el("td", {}, ...content());
  node.className = [kind ?? "", field === "urgency" ? "class" : ""].join(" ").trim();
  node.dataset.label = label;
  if (field === "id" && row.text) {
    const whole = el("details", {}, named("summary", "", "whole prompt"), named("span", "reason", row.text));
    node.append(whole);
  }
  return node;
}

function chosenRows() {
  const wanted = view.find.toLowerCase();
  const advised = data.advice.find((one) => one.action === view.advice);
  const members = advised && new Set(advised.rows);
  return data.rows.filter(
    (row, index) =>
      (!members || members.has(index)) &&
      (!view.class || data.classes[row.cls].name === view.class) &&
      (!view.change || row.change === view.change) &&
      (!wanted || row.id.toLowerCase().includes(wanted) || row.reason.toLowerCase().includes(wanted))
  );
}

// The format of --ids: a line {"id", "prompt"} for each prompt; a chat stays a list of messages.
function idLines() {
  const prompt = (row) => (row.json ? JSON.parse(row.text) : row.text || row.id);
  return chosenRows().map((row) => JSON.stringify({ id: row.id, prompt: prompt(row) }) + "\n").join("");
}
function copyIds() {
  // The clipboard's newer interface is closed to pages that are files.
  const area = el("textarea", { value: idLines() });
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}
function saveIds() {
  const link = el("a", { download: `${view.advice ?? view.class ?? "prompts"}.jsonl`.replaceAll(" ", "_") });
  link.href = URL.createObjectURL(new Blob([idLines()], { type: "application/x-ndjson" }));
  link.click();
  URL.revokeObjectURL(link.href);
}

const pageSize = 50;
function drawTable() {
  const rows = chosenRows();
  if (columns.some(([, field]) => field === view.sort)) {
    const sign = view.down ? -1 : 1, field = view.sort;
    rows.sort((a, b) => sign * (typeof a[field] === "string" ? a[field].localeCompare(b[field], "en", { numeric: true }) : (a[field] ?? -1) - (b[field] ?? -1)));
  }
  const pages = Math.max(Math.ceil(rows.length / pageSize), 1);
  view.page = Math.min(view.page, pages - 1);
  const shown = rows.slice(view.page * pageSize, (view.page + 1) * pageSize);
  byId("table").tBodies[0].replaceChildren(
    ...shown.map((row) => {
      const line = el("tr", {}, ...columns.map(([label, field, kind]) => cell(row, field, kind, label)));
      if (view.find && row.id === view.find) line.className = "chosen";
      return line;
    })
  );
  byId("table").tHead.replaceChildren(
    el("tr", {}, ...columns.map(([label, field, kind]) => {
      const th = el("th", { textContent: label, scope: "col", tabIndex: 0 });
      th.className = kind ?? "";
      th.setAttribute("aria-sort", field !== view.sort ? "none" : view.down ? "descending" : "ascending");
      const sort = () => show({ sort: field, down: view.sort === field && !view.down });
      th.addEventListener("click", sort);
      th.addEventListener("keydown", (event) => event.key === "Enter" && sort());
      return th;
    }))
  );
  byId("rows-shown").textContent =
    (view.advice ? `For “${view.advice}”: ` : "") +
    `${many(rows.length)} of ${many(data.rows.length)} prompts` +
    (data.rowsTotal > data.rows.length ? `. The page holds ${many(data.rows.length)} of ${many(data.rowsTotal)}, the most urgent of each class; the JSON output (--json) holds all.` : "");
  byId("page").textContent = `page ${view.page + 1} of ${pages}`;
  byId("before").disabled = view.page === 0;
  byId("after").disabled = view.page >= pages - 1;
  for (const chip of document.querySelectorAll(".chip")) {
    const pressed = chip.dataset.class ? chip.dataset.class === view.class : chip.dataset.change === view.change;
    chip.setAttribute("aria-pressed", pressed);
  }
}

readAddress();
head();
advice();
curves();
byId("chips").append(...chips(data.classes, "class", true));
byId("find").value = view.find;
byId("find").addEventListener("input", (event) => show({ find: event.target.value }));
byId("copy").addEventListener("click", copyIds);
byId("save").addEventListener("click", saveIds);
byId("all").addEventListener("click", () => {
  byId("find").value = "";
  show({ class: null, change: null, advice: null, find: "" });
});
byId("before").addEventListener("click", () => show({ page: view.page - 1 }));
byId("after").addEventListener("click", () => show({ page: view.page + 1 }));
const shownPoints = data.points.mean.length;
byId("points-shown").textContent = shownPoints < data.rowsTotal ? `Shown are ${many(shownPoints)} of ${many(data.rowsTotal)} prompts, drawn at random.` : "";
function draw() { scatter(); histogram(); }
draw();
pointing();
drawTable();
addEventListener("resize", draw);
addEventListener("hashchange", () => { readAddress(); byId("find").value = view.find; drawTable(); });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
document.documentElement.dataset.ready = "yes";
