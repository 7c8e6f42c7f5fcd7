// Quality against cost with its front, clips against clips, and the curve of one clip: SVG, and canvas for many points.
const MARKS = [
  (x, y, r) => `M${x - r},${y}a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0`,
  (x, y, r) => `M${x - r},${y - r}h${2 * r}v${2 * r}h${-2 * r}z`,
  (x, y, r) => `M${x},${y - r * 1.2}L${x + r * 1.1},${y + r}H${x - r * 1.1}z`,
  (x, y, r) => `M${x},${y - r * 1.3}L${x + r * 1.3},${y}L${x},${y + r * 1.3}L${x - r * 1.3},${y}z`,
];

function ticks(low, high, count) {
  const step = [1, 2, 5, 10].map((n) => n * 10 ** Math.floor(Math.log10((high - low) / count || 1))).find((size) => (high - low) / size <= count) || 1;
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step * 1e-9; at += step) found.push(Number(at.toPrecision(12)));
  return found;
}

function logTicks(low, high) {
  const found = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++)
    for (const n of [1, 2, 5]) if (n * 10 ** power >= low * 0.999 && n * 10 ** power <= high * 1.001) found.push(Number((n * 10 ** power).toPrecision(6)));
  return found.length > 8 ? found.filter((value) => /^[^1-9]*1/.test(String(value))) : found;
}

function frame(box, height, x, y) {
  const width = Math.max(280, box.clientWidth || 460);
  const edge = { left: 58, right: 14, top: 12, bottom: 42 };
  const across = (v) => edge.left + ((x.log ? Math.log(v / x.low) / Math.log(x.high / x.low || 2) : (v - x.low) / (x.high - x.low || 1)) * (width - edge.left - edge.right));
  const up = (v) => height - edge.bottom - ((v - y.low) / (y.high - y.low || 1)) * (height - edge.top - edge.bottom);
  const svg = drawn("svg", { viewBox: `0 0 ${width} ${height}`, height, role: "img" });
  for (const at of ticks(y.low, y.high, 6)) {
    svg.append(drawn("line", { class: "grid", x1: edge.left, x2: width - edge.right, y1: up(at), y2: up(at) }), drawn("text", { x: edge.left - 6, y: up(at) + 4, "text-anchor": "end" }, String(at)));
  }
  for (const at of x.log ? logTicks(x.low, x.high) : x.ticks || ticks(x.low, x.high, 7)) {
    svg.append(drawn("line", { class: "grid", x1: across(at), x2: across(at), y1: edge.top, y2: height - edge.bottom }), drawn("text", { x: across(at), y: height - edge.bottom + 16, "text-anchor": "middle" }, String(at)));
  }
  svg.append(drawn("text", { x: (edge.left + width - edge.right) / 2, y: height - 6, "text-anchor": "middle" }, x.title));
  svg.append(drawn("text", { x: 14, y: (edge.top + height - edge.bottom) / 2, "text-anchor": "middle", transform: `rotate(-90 14 ${(edge.top + height - edge.bottom) / 2})` }, y.title));
  return { svg, across, up, width, height, edge };
}

function costPoints() {
  const metric = metricOf();
  const columns = columnsShown().filter((column) => column.metric === metric);
  const lines = linesShown(columnsShown());
  const whole = columns.filter((column) => lines.every((line) => line.cells[column.index].value !== null));
  if (!whole.length) return [];
  return lines.filter((line) => line.facts[state.cost]?.value !== null && line.facts[state.cost] !== undefined).map((line) => ({
    line, cost: line.facts[state.cost].value,
    value: whole.reduce((sum, column) => sum + line.cells[column.index].value, 0) / whole.length,
    untrained: isUntrained(line),
  }));
}

function drawPareto() {
  const box = $("pareto");
  const points = costPoints();
  if (!points.length) return box.replaceChildren(element("p", { class: "quiet" }, "Nothing to show: no cost was measured, or the methods share no split."));
  const how = protocol().metrics[metricOf()];
  const fact = protocol().facts[state.cost];
  const better = how.better === "lower" ? -1 : 1;
  const costs = points.map((point) => point.cost);
  const log = Math.min(...costs) > 0;
  const values = points.map((point) => point.value);
  const room = (Math.max(...values) - Math.min(...values)) * 0.12 || Math.abs(values[0]) * 0.02 || 1;
  const x = { log, low: log ? Math.min(...costs) / 1.6 : 0, high: log ? Math.max(...costs) * 1.9 : Math.max(...costs) * 1.12 || 1, title: fact.label + (log ? ", log scale" : "") };
  const plot = frame(box, 300, x, { low: Math.min(...values) - room, high: Math.max(...values) + room, title: how.label });
  const front = [];
  for (const point of points.filter((one) => !one.untrained).sort((one, two) => one.cost - two.cost || (two.value - one.value) * better))
    if (!front.length || (point.value - front[front.length - 1].value) * better > 0) front.push(point);
  if (front.length > 1) plot.svg.append(drawn("path", { class: "front", d: "M" + front.map((point) => `${plot.across(point.cost)},${plot.up(point.value)}`).join("L") }));
  for (const point of points) {
    const [at, up] = [plot.across(point.cost), plot.up(point.value)];
    const said = `${named(point.line)}\n${how.title} ${point.value.toFixed(how.decimals)}, ${fact.label} ${point.line.facts[state.cost].text}`;
    const mark = drawn("path", { d: MARKS[point.line.index % 4](at, up, 5.5), fill: point.untrained ? "none" : colour(point.line.index), stroke: colour(point.line.index), "stroke-width": 2, "data-method": point.line.label, tabindex: 0 });
    mark.append(drawn("title", {}, said));
    mark.addEventListener("pointermove", (event) => tip(event, said));
    mark.addEventListener("pointerleave", () => tip(null, ""));
    const left = at > plot.width * 0.62;
    plot.svg.append(mark, drawn("text", { class: "name", x: at + (left ? -9 : 9), y: up + (left ? -6 : 4), "text-anchor": left ? "end" : "start" }, named(point.line).length > 30 ? named(point.line).slice(0, 29) + "…" : named(point.line)));
  }
  box.replaceChildren(plot.svg);
}

function scatterPoints() {
  const [first, second] = [Number(state.x), Number(state.y)];
  const points = [];
  protocol().splits.forEach((split, kind) => {
    if (state.d && split.dataset !== state.d) return;
    const [xs, ys] = [meansOf(split, metricOf(), state.f, first), meansOf(split, metricOf(), state.f, second)];
    split.clips.forEach((clip, i) => {
      if (Number.isFinite(xs[i]) && Number.isFinite(ys[i]) && xs[i] !== null && ys[i] !== null) points.push({ split, clip, kind, x: xs[i], y: ys[i] });
    });
  });
  return points;
}

function drawScatter() {
  const box = $("scatter");
  const points = scatterPoints();
  const [first, second] = [protocol().lines[Number(state.x)], protocol().lines[Number(state.y)]];
  if (!points.length || !first || !second) return box.replaceChildren(element("p", { class: "quiet" }, "Nothing to show: these methods share no clip."));
  const how = protocol().metrics[metricOf()];
  let [low, high] = [Infinity, -Infinity];
  for (const point of points) { low = Math.min(low, point.x, point.y); high = Math.max(high, point.x, point.y); }
  const room = (high - low) * 0.04 || 1;
  const range = { low: low - room, high: high + room };
  const plot = frame(box, 300, { ...range, title: `${named(first)}, ${how.label}` }, { ...range, title: named(second) });
  plot.svg.append(drawn("line", { class: "front", x1: plot.across(range.low), y1: plot.up(range.low), x2: plot.across(range.high), y2: plot.up(range.high) }));
  const canvas = element("canvas", { style: "position:absolute;inset:0", "aria-hidden": "true" });
  const ratio = devicePixelRatio || 1;
  canvas.width = plot.width * ratio;
  canvas.height = plot.height * ratio;
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  pen.globalAlpha = points.length > 500 ? 0.45 : 0.8;
  const size = points.length > 2000 ? 2 : points.length > 300 ? 3 : 5;
  for (const point of points) { point.at = plot.across(point.x); point.up = plot.up(point.y); pen.fillStyle = colourOf(point.kind); pen.fillRect(point.at - size / 2, point.up - size / 2, size, size); }
  const nearest = (event) => {
    const area = canvas.getBoundingClientRect();
    const [x, y] = [(event.clientX - area.left) * (plot.width / area.width), (event.clientY - area.top) * (plot.height / area.height)];
    let [found, least] = [null, 200];
    for (const point of points) { const d = (point.at - x) ** 2 + (point.up - y) ** 2; if (d < least) { least = d; found = point; } }
    return found;
  };
  canvas.addEventListener("pointermove", (event) => { const p = nearest(event); tip(event, p ? `${splitName(p.split)}/${p.clip}\n${first.label} ${digits(p.x, how.decimals)}, ${second.label} ${digits(p.y, how.decimals)}` : ""); });
  canvas.addEventListener("pointerleave", () => tip(null, ""));
  canvas.addEventListener("click", (event) => { const p = nearest(event); if (p) { set({ split: splitName(p.split), of: second.label }); openClip(p.split, p.clip); drawAll(); } });
  const ahead = points.filter((p) => (how.better === "lower" ? p.y < p.x : p.y > p.x)).length;
  const said = element("p", { class: "quiet" }, `${second.label} is ahead on ${ahead} of ${points.length} clips. `, ...protocol().splits.map((split, kind) => (!state.d || split.dataset === state.d ? element("span", { style: `color:${colourOf(kind)}` }, `■ ${splitName(split)} `) : null)));
  box.replaceChildren(element("div", { style: "position:relative" }, plot.svg, canvas), said);
}

let palette = [];
function colourOf(kind) {
  return palette[kind % 8] || (palette = Array.from({ length: 8 }, (_, i) => colour(i)))[kind % 8];
}

function drawCurve(split, clip) {
  const box = $("curve");
  const metric = split.curves[metricOf()] ? metricOf() : Object.keys(split.curves)[0];
  const at = split.clips.indexOf(clip);
  if (!metric || at < 0) return box.replaceChildren(element("p", { class: "quiet" }, "Per-frame values were left out of this page to keep it small; they are in the rows of the run."));
  const how = protocol().metrics[metric] || { label: metric, title: metric, decimals: 2 };
  const count = split.frames.length;
  const curves = split.curves[metric].map((packed, index) => (packed ? { index, values: unpack(packed).slice(at * count, (at + 1) * count) } : null)).filter(Boolean);
  const known = curves.flatMap((curve) => curve.values).filter((value) => Number.isFinite(value) && value !== null);
  if (!known.length) return box.replaceChildren();
  const room = (Math.max(...known) - Math.min(...known)) * 0.08 || 1;
  const positions = split.frames.length <= 16 ? split.frames : undefined;
  const plot = frame(box, 220, { low: split.frames[0], high: split.frames[count - 1], ticks: positions, title: "frame (filled: had an input frame)" }, { low: Math.min(...known) - room, high: Math.max(...known) + room, title: how.label });
  const now = frameIndex();
  if (now !== null && now >= split.frames[0] && now <= split.frames[count - 1]) plot.svg.append(drawn("line", { class: "front", x1: plot.across(now), x2: plot.across(now), y1: plot.edge.top, y2: plot.height - plot.edge.bottom }));
  for (const { index, values } of curves) {
    const shownAt = values.map((value, i) => [value, i]).filter(([value]) => value !== null && Number.isFinite(value));
    plot.svg.append(drawn("path", { d: "M" + shownAt.map(([value, i]) => `${plot.across(split.frames[i])},${plot.up(value)}`).join("L"), fill: "none", stroke: colour(index), "stroke-width": 1.5 }));
    for (const [value, i] of shownAt) {
      const mark = drawn("path", { d: MARKS[index % 4](plot.across(split.frames[i]), plot.up(value), 4), fill: split.given[i] ? colour(index) : "var(--ground)", stroke: colour(index), "stroke-width": 1.5, style: "cursor:pointer" });
      mark.addEventListener("pointermove", (event) => tip(event, `${named(protocol().lines[index])}\nframe ${split.frames[i]}: ${how.title} ${digits(value, how.decimals)}`));
      mark.addEventListener("pointerleave", () => tip(null, ""));
      mark.addEventListener("click", () => goTo(split.frames[i]));
      plot.svg.append(mark);
    }
  }
  const legend = element("p", { class: "quiet" }, ...curves.map(({ index }) => element("span", { style: `color:${colour(index)}` }, `● ${named(protocol().lines[index])} `)));
  box.replaceChildren(plot.svg, legend);
}
