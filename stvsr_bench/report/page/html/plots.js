// What is drawn: quality against cost with its front, clips against clips, the frames of one clip.
const FEWEST_CLIPS = 5; // an interval over fewer spans some decibels

function costPoints() {
  const metric = metricOf();
  // seconds are of the clips of one data set: the quality beside them too
  const of = protocol().facts[state.cost]?.dataset;
  const columns = columnsShown().filter((column) => column.metric === metric && (!of || column.dataset === of));
  const measured = (line) => line.facts[state.cost]?.value !== null && line.facts[state.cost] !== undefined;
  const partial = (line) => columns.some((column) => line.cells[column.index].partial);
  const lines = linesShown(columnsShown()).filter((line) => measured(line) && !partial(line));
  const whole = columns.filter((column) => lines.every((line) => line.cells[column.index].value !== null));
  if (!whole.length) return [];
  // independent splits: the mean's variance is the sum of theirs over the square of their number
  const half = (line) => {
    const halves = whole.map((column) => (line.cells[column.index].n >= FEWEST_CLIPS ? line.cells[column.index].half : null));
    return halves.includes(null) ? null : Math.sqrt(halves.reduce((sum, one) => sum + one ** 2, 0)) / whole.length;
  };
  return lines.map((line) => ({
    line, x: line.facts[state.cost].value,
    y: whole.reduce((sum, column) => sum + line.cells[column.index].value, 0) / whole.length,
    half: half(line),
    untrained: isUntrained(line),
  }));
}

function frontOf(points, better) {
  const front = [];
  for (const point of points.filter((one) => !one.untrained).sort((one, two) => one.x - two.x || (two.y - one.y) * better))
    if (!front.length || (point.y - front[front.length - 1].y) * better > 0) front.push({ x: point.x, y: point.y });
  return front;
}

function drawPareto() {
  const points = costPoints();
  if (!points.length) return emptied("pareto", "Nothing to show: no cost was measured, or the methods share no split.");
  const how = protocol().metrics[metricOf()];
  const fact = protocol().facts[state.cost];
  const costs = points.map((point) => point.x);
  const log = Math.min(...costs) > 0;
  const front = frontOf(points, how.better === "lower" ? -1 : 1);
  const datasets = points.map((point) => ({
    label: named(point.line), data: [point], pointStyle: SHAPES[point.line.index % 8], pointRadius: 6, pointHoverRadius: 8, borderWidth: 2,
    borderColor: colour(point.line.index), backgroundColor: point.untrained ? "transparent" : colour(point.line.index),
  }));
  if (front.length > 1) datasets.push({ label: "Pareto front", silent: true, data: front, type: "line", order: 9, pointStyle: "line", pointRadius: 0, pointHitRadius: 0, borderWidth: 1.5, borderDash: [5, 4], borderColor: ink("--quiet") });
  const x = axis(fact.label + (log ? ", log scale" : ""), log ? { type: "logarithmic", min: Math.min(...costs) / 1.5, max: Math.max(...costs) * 1.5 } : { type: "linear", grace: "8%" });
  const said = ({ line, x: _, y, half }) => `${named(line)}\n${how.title} ${y.toFixed(how.decimals)}${half === null ? "" : ` ± ${half.toFixed(how.decimals)}`}\n${fact.label} ${line.facts[state.cost].text}`;
  chart("pareto", 360, datasets, x, axis(how.label, { grace: "10%" }), { said, label: `${how.label} against ${fact.label} of ${points.length} methods; the table above has the numbers` });
}

function scatterPoints() {
  const [first, second] = [Number(state.x), Number(state.y)];
  return protocol().splits.map((split, kind) => {
    if (state.d && split.dataset !== state.d) return { split, kind, points: [] };
    const [xs, ys] = [meansOf(split, metricOf(), state.f, first), meansOf(split, metricOf(), state.f, second)];
    const known = split.clips.map((clip, i) => ({ split, clip, x: xs[i], y: ys[i] }));
    return { split, kind, points: known.filter(({ x, y }) => x !== null && y !== null && Number.isFinite(x) && Number.isFinite(y)) };
  }).filter(({ points }) => points.length);
}

function drawScatter() {
  const parts = scatterPoints();
  const points = parts.flatMap((part) => part.points);
  const [first, second] = [protocol().lines[Number(state.x)], protocol().lines[Number(state.y)]];
  if (!points.length || !first || !second) return emptied("scatter", "Nothing to show: these methods share no clip.");
  const how = protocol().metrics[metricOf()];
  let [low, high] = [Infinity, -Infinity];
  for (const { x, y } of points) { low = Math.min(low, x, y); high = Math.max(high, x, y); }
  const room = (high - low) * 0.04 || 1;
  const radius = points.length > 2000 ? 1.5 : points.length > 300 ? 2.5 : 4;
  const datasets = parts.map(({ split, kind, points: data }) => ({ label: splitName(split), data, pointStyle: SHAPES[kind % 8], pointRadius: radius, pointHitRadius: 4, borderWidth: 1, borderColor: colour(kind), backgroundColor: colour(kind) + "99" }));
  datasets.push({ label: "equal", silent: true, data: [{ x: low, y: low }, { x: high, y: high }], type: "line", order: 9, pointStyle: "line", pointRadius: 0, pointHitRadius: 0, borderWidth: 1.5, borderDash: [5, 4], borderColor: ink("--quiet") });
  const said = ({ split, clip, x, y }) => `${splitName(split)}/${clip}\n${named(first)} ${digits(x, how.decimals)}\n${named(second)} ${digits(y, how.decimals)}`;
  const click = ({ split, clip }) => { if (!split) return; set({ split: splitName(split), of: second.label }); openClip(split, clip); };
  const range = { min: low - room, max: high + room };
  const ahead = points.filter((p) => (how.better === "lower" ? p.y < p.x : p.y > p.x)).length;
  const text = `${named(second)} is ahead on ${ahead} of ${points.length} clips. Click a point for its frames.`;
  chart("scatter", 360, datasets, axis(`${named(first)}, ${how.label}`, { ...range, ticks: { includeBounds: false } }), axis(`${named(second)}, ${how.label}`, { ...range, ticks: { includeBounds: false } }), { said, click, label: text });
  $("scatter").append(element("p", { class: "quiet" }, text));
}

function drawCurve(split, clip) {
  const metric = split.curves[metricOf()] ? metricOf() : Object.keys(split.curves)[0];
  const at = split.clips.indexOf(clip);
  if (!metric || at < 0) return emptied("curve", "Per-frame values were left out of this page to keep it small; they are in the rows of the run.");
  const how = protocol().metrics[metric] || { label: metric, title: metric, decimals: 2 };
  const { frames, given: had } = layoutOf(split, clip);
  const [count, most] = [frames.length, Math.max(...split.layouts.map((of) => of.frames.length))];
  const curves = split.curves[metric].map((packed, index) => (packed ? { index, values: unpack(packed).slice(at * most, at * most + count) } : null)).filter(Boolean);
  const datasets = curves.map(({ index, values }) => {
    const data = values.map((y, i) => ({ x: frames[i], y, given: had[i], index })).filter(({ y }) => y !== null && Number.isFinite(y));
    const line = protocol().lines[index];
    return { label: named(line), data, showLine: true, pointStyle: SHAPES[index % 8], pointRadius: 5, pointHitRadius: 4, borderWidth: 1.5, borderColor: colour(index), backgroundColor: colour(index), pointBackgroundColor: data.map(({ given }) => (given ? colour(index) : ink("--ground"))) };
  }).filter(({ data }) => data.length);
  if (!datasets.length) return emptied("curve", "");
  const now = frameIndex();
  const said = ({ x, y, given, index }) => `${named(protocol().lines[index])}\nframe ${x} (${given ? "given" : "between"}): ${how.title} ${digits(y, how.decimals)}`;
  const x = axis("Frame (filled: had an input frame)", { min: frames[0] - 0.3, max: frames[count - 1] + 0.3, ticks: { includeBounds: false, stepSize: count <= 16 ? 1 : undefined, precision: 0 } });
  chart("curve", 300, datasets, x, axis(how.label, { grace: "6%" }), { said, click: (point) => goTo(point.x), now: now ?? undefined, label: `${how.label} of each frame of ${clip}` });
}
