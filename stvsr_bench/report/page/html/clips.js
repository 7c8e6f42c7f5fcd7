// The clips of one split: every method's value on each, a part of the list at a time.
const STEP = 100;
let listed = STEP;
let order = [];

const splitChosen = () => protocol().splits.find((split) => splitName(split) === state.split);

function orderClips(split) {
  const metric = metricOf();
  const lines = protocol().lines;
  const of = Math.max(0, lines.findIndex((line) => line.label === state.of));
  const better = protocol().metrics[metric].better === "lower" ? -1 : 1;
  const mine = meansOf(split, metric, state.f, of);
  const motion = unpack(split.motion);
  const ranked = lines.map((line, index) => ({ line, index })).filter(({ line }) => !isUntrained(line));
  const all = ranked.map(({ index }) => meansOf(split, metric, state.f, index));
  const spread = (i) => {
    const known = all.map((values) => values[i]).filter((value) => value !== null && value !== Infinity);
    return known.length > 1 ? Math.max(...known) - Math.min(...known) : -1;
  };
  const low = (value) => (value === null ? 1e9 : value * better);
  const keys = { worst: (i) => low(mine[i]), best: (i) => -(mine[i] === null ? -1e9 : mine[i] * better), apart: (i) => -spread(i), motion: (i) => -(motion[i] ?? -1), name: (i) => i };
  const key = keys[state.order] || keys.worst;
  const find = state.find.toLowerCase();
  const kept = split.clips.map((_, i) => i).filter((i) => (!find || split.clips[i].toLowerCase().includes(find)) && (!state.saved || savedFrames(split.dataset, split.split, split.clips[i])));
  const keyed = kept.map((i) => [key(i), i]).sort((one, two) => one[0] - two[0] || one[1] - two[1]);
  return keyed.map(([, i]) => i);
}

function drawClips() {
  const split = splitChosen();
  $("clips-section").hidden = !split;
  if (!split) return;
  order = orderClips(split);
  const how = protocol().metrics[metricOf()];
  $("clips-title").textContent = `Clips of ${split.dataset} ${split.split}`;
  $("clips-said").textContent = `${order.length} clips, ${how.label} of ${state.f} frames` + (state.of ? `, of ${state.of}` : "");
  const motion = unpack(split.motion);
  const means = protocol().lines.map((_, index) => meansOf(split, metricOf(), state.f, index));
  const rows = order.slice(0, listed).map((i) => {
    const clip = split.clips[i];
    const open = () => openClip(split, clip);
    const best = Math.max(...means.map((values, line) => (isUntrained(protocol().lines[line]) || values[i] === null ? -Infinity : values[i])));
    return element("tr", { "data-clip": clip, class: state.clip === clip ? "chosen" : null },
      element("td", {}, element("button", { type: "button", onclick: open }, clip), savedFrames(split.dataset, split.split, clip) ? element("small", {}, " frames") : null),
      element("td", {}, digits(motion[i], 2)),
      ...means.map((values) => element("td", { class: how.better !== "lower" && values[i] === best ? "best" : null }, digits(values[i], how.decimals))));
  });
  const head = ["Clip", "Motion (px/frame)", ...protocol().lines.map(named)].map((text) => element("th", { scope: "col" }, ...breakable(text)));
  $("clips").replaceChildren(element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows));
  $("more").hidden = order.length <= listed;
  $("more").textContent = `Show more (${Math.min(listed, order.length)} of ${order.length})`;
}

function stepClip(by) {
  const split = splitChosen();
  if (!split || !state.clip) return;
  const at = order.findIndex((i) => split.clips[i] === state.clip);
  const next = order[Math.min(order.length - 1, Math.max(0, at + by))];
  if (next !== undefined) openClip(split, split.clips[next]);
}
