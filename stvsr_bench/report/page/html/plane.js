// Quality by scale (across) and time scale (up): one method, or its gain over another. Colours only repeat the numbers.
const RAMP = [[68, 1, 84], [49, 104, 142], [53, 183, 121], [253, 231, 37]]; // low to high, from viridis
const TWO_WAYS = [[179, 88, 6], [247, 247, 247], [84, 39, 136]]; // worse, equal, better

function mixed(ramp, share) {
  const at = Math.min(1, Math.max(0, share)) * (ramp.length - 1);
  const low = Math.min(ramp.length - 2, Math.floor(at));
  const rgb = ramp[low].map((one, i) => Math.round(one + (ramp[low + 1][i] - one) * (at - low)));
  const light = (0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2]) / 255;
  return `background: rgb(${rgb.join(", ")}); color: ${light < 0.45 ? "#fff" : "#111"}`;
}

const framesSaid = { all: "all frames", between: "interpolated frames" };
const unique = (values) => [...new Set(values)];

// The number of a method in a cell of a plane: the very one of its table.
function cellAt(spot, method) {
  if (!spot) return null;
  const line = doc.protocols[spot[0]].lines.find((one) => one.label === method);
  return line && line.cells[spot[1]].clips ? line.cells[spot[1]] : null;
}

// For a gain: of all clips of the column, and finite.
const comparable = (cell) => (cell && !cell.partial && cell.value !== null ? cell.value : null);

function planeChosen() {
  const place = choices($("plane"), unique(doc.planes.map((one) => one.place)).map((name) => [name, name]), state.pl);
  const here = doc.planes.filter((one) => one.place === place);
  const metric = choices($("plane-metric"), unique(here.map((one) => one.metric)).map((name) => [name, here.find((one) => one.metric === name).title]), state.pm);
  const of = here.filter((one) => one.metric === metric);
  const frames = choices($("plane-frames"), of.map((one) => [one.frames, framesSaid[one.frames]]), state.pf);
  return of.find((one) => one.frames === frames);
}

function drawPlane() {
  $("plane-section").hidden = !doc.planes.length;
  if (!doc.planes.length) return;
  const plane = planeChosen();
  const lines = doc.protocols.flatMap((one) => one.lines);
  const options = plane.methods.map((name) => [name, labelled(name, lines)]);
  const a = choices($("plane-a"), options, state.pa || plane.best[0]);
  const b = choices($("plane-b"), [["", "none"], ...options.filter(([name]) => name !== a)], state.pb);
  const gain = (spot) => {
    const [mine, theirs] = [comparable(cellAt(spot, a)), comparable(cellAt(spot, b))];
    return mine === null || theirs === null ? null : (mine - theirs) * (plane.better === "lower" ? -1 : 1);
  };
  const spots = plane.at.flat().filter(Boolean);
  const values = b ? spots.map(gain) : spots.flatMap((spot) => plane.methods.map((name) => cellAt(spot, name)?.value ?? null));
  const known = values.filter((value) => value !== null);
  const [low, high, most] = [Math.min(...known), Math.max(...known), Math.max(...known.map(Math.abs)) || 1];
  const share = (value) => (b ? 0.5 + value / most / 2 : high === low ? 1 : plane.better === "lower" ? (high - value) / (high - low) : (value - low) / (high - low));
  const number = (spot) => {
    const cell = cellAt(spot, a);
    if (!b) return { value: cell && cell.value, text: cell && cell.text + (cell.partial ? "*" : ""), n: cell && cell.n };
    const value = gain(spot);
    return { value, text: value === null ? null : (value < 0 ? "" : "+") + value.toFixed(plane.decimals), n: cell && cell.n };
  };
  const rows = plane.times.map((time, y) => element("tr", {}, element("th", { scope: "row" }, time), ...plane.scales.map((_, x) => planeCell(plane.at[y][x], number, b ? TWO_WAYS : RAMP, share))));
  const corner = element("th", { scope: "col" }, "Time scale ↑, scale →");
  const head = element("tr", {}, corner, ...plane.scales.map((scale) => element("th", { scope: "col" }, scale)));
  const what = b ? `Gain of ${labelled(a, lines)} over ${labelled(b, lines)}, ${plane.title}` : `${plane.title} of ${labelled(a, lines)}`;
  const title = `${what}, ${framesSaid[plane.frames]}: ${plane.place}`;
  $("plane-table").replaceChildren(element("caption", {}, title), element("thead", {}, head), element("tbody", {}, ...rows.reverse()));
  const range = !known.length ? "" : b ? "Purple: better, orange: worse." : `Colours from ${low.toFixed(plane.decimals)} to ${high.toFixed(plane.decimals)}, the same for every method here.`;
  const partial = spots.some((spot) => plane.methods.some((name) => cellAt(spot, name)?.partial)) ? "* measured on part of the clips; such numbers have no gain." : "";
  const said = plane.said ? `${plane.said[0].toUpperCase()}${plane.said.slice(1)}.` : "";
  $("plane-said").textContent = [range, said, partial, "Striped: not measured. Click a number for its table."].filter(Boolean).join(" ");
}

function planeCell(spot, number, ramp, share) {
  const { value, text, n } = spot ? number(spot) : {};
  if (text === null || text === undefined) return element("td", { class: "none" }, "–");
  const of = doc.protocols[spot[0]];
  const show = () => { set({ p: of.key, sort: "" }); drawAll(); $("numbers").scrollIntoView({ behavior: "smooth" }); };
  const said = `${of.name} on ${of.columns[spot[1]].dataset}, n = ${n}`;
  return element("td", { class: value === null ? "none" : null, style: value === null ? null : mixed(ramp, share(value)) }, element("button", { type: "button", title: said, onclick: show }, text));
}
