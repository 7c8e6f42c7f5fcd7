// What is chosen, kept in the address so that a view can be shared; and the values behind the numbers.
const doc = JSON.parse(document.getElementById("document").textContent);
const files = JSON.parse(document.getElementById("files").textContent);
const $ = (id) => document.getElementById(id);
const START = { p: "", f: "all", d: "", q: "", sort: "", m: "", cost: "", x: "", y: "", split: "", of: "", order: "worst", find: "", saved: "", clip: "", a: "", b: "", mode: "swipe", t: "0", z: "1", cx: "0.5", cy: "0.5", s: "0.5", row: "0.5", pl: "", pm: "", pf: "all", pa: "", pb: "", rl: "", rm: "", pq: "", pd: "", ps: "", pt: "", px: "", theme: "" };
const state = { ...START };

function readAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  for (const key of Object.keys(START)) state[key] = given.has(key) ? given.get(key) : START[key];
}

let writing = 0;
function writeAddress() {
  clearTimeout(writing);
  writing = setTimeout(() => {
    const kept = Object.entries(state).filter(([key, value]) => value !== START[key] && value !== "");
    const text = new URLSearchParams(kept).toString();
    if (text !== location.hash.slice(1)) history.replaceState(null, "", text ? "#" + text : location.pathname + location.search);
  }, 60);
}

function set(changes) {
  Object.assign(state, changes);
  writeAddress();
}

function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false && value !== undefined) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// A name that may break after +, @ and : where there is no room for it.
function breakable(name) {
  return name.split(/(?<=[+@:])/).flatMap((part, at) => (at ? [element("wbr"), part] : [part]));
}

function choices(select, options, chosen) {
  select.replaceChildren(...options.map(([value, text]) => element("option", { value }, text)));
  if (options.length) select.value = options.some(([value]) => value === chosen) ? chosen : options[0][0];
  return select.value;
}

const protocol = () => doc.protocols.find((one) => one.key === state.p) || doc.protocols[0];
const metricOf = () => (protocol().metrics[state.m] ? state.m : Object.keys(protocol().metrics)[0]);
const tidyName = (metric, frames) => (frames === "all" ? metric : `${metric}.${frames}`);
const isUntrained = (line) => line.badges.some((badge) => badge.name === "untrained");
const named = (line) => line.label + (isUntrained(line) ? " (untrained)" : "");
const labelled = (label, lines) => named(lines.find((line) => line.label === label) || { label, badges: [] });
const splitName = (split) => `${split.dataset}/${split.split}`;
const colour = (index) => ink(`--c${index % 8}`);
const digits = (value, decimals) => (value === null ? "–" : value === Infinity ? "inf" : value.toFixed(decimals));

// base64 of 16- or 32-bit integers to numbers; the two lowest codes are "missing" and "infinite"
function unpack(packed) {
  if (packed.values) return packed.values;
  const bytes = Uint8Array.from(atob(packed.b), (letter) => letter.charCodeAt(0));
  const whole = packed.w === 4 ? new Int32Array(bytes.buffer) : new Int16Array(bytes.buffer);
  const scale = 10 ** packed.d;
  packed.values = Array.from(whole, (code) => (code === -32768 ? null : code === -32767 ? Infinity : code / scale));
  return packed.values;
}

function meansOf(split, metric, frames, line) {
  const packed = split.means[tidyName(metric, frames)];
  return packed ? unpack(packed[line]) : split.clips.map(() => null);
}

// The frames of a clip, by their index in the clip, and which of them were given: clips of one split may differ.
function layoutOf(split, clip) {
  const at = split.clips.indexOf(clip);
  return split.layouts[split.layout ? unpack(split.layout)[at] : 0];
}

let framesByPlace = null;
function framesOf(dataset, split, clip) {
  framesByPlace = framesByPlace || new Map(doc.frames.map((one) => [JSON.stringify([one.dataset, one.split, one.clip]), one]));
  return framesByPlace.get(JSON.stringify([dataset, split, clip]));
}

// Under another protocol other frames were restored, of another size perhaps.
function savedFrames(dataset, split, clip) {
  const found = framesOf(dataset, split, clip);
  return found && found.protocols.includes(protocol().key) ? found : undefined;
}
