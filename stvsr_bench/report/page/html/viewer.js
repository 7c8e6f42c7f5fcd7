// The frames of one clip: swipe, side by side, differences, errors, slices through time; one zoom for all of them.
const VIEWS = ["swipe", "both", "a", "b", "difference", "error", "slice", "three"];
const arrived = new Map();
const waiting = new Map();
window.stvsrFrames = (identity, urls) => waiting.get(identity)?.(urls);

function load(identity) {
  if (!arrived.has(identity)) {
    arrived.set(identity, new Promise((done, failed) => {
      const inside = $("frames-" + identity);
      if (inside) return done(JSON.parse(inside.textContent));
      waiting.set(identity, done);
      document.head.append(element("script", { src: `frames/${identity}.js`, onerror: () => failed(new Error("frames are not beside this page")) }));
    }).then((urls) => Promise.all(Object.entries(urls).map(async ([index, url]) => {
      const image = new Image();
      image.src = url;
      await image.decode();
      return [Number(index), image];
    }))).then((pairs) => new Map(pairs)));
  }
  return arrived.get(identity);
}

let shot = null; // what is on the stage: {saved, split, index, a, b, truth}
let asked = 0;

function openClip(split, clip) {
  const found = savedFrames(split.dataset, split.split, clip);
  set({ split: splitName(split), clip, z: "1", cx: "0.5", cy: "0.5" });
  if (found && (state.a === "" || !found.sources[state.a])) set({ a: "truth" });
  drawClips();
  drawViewer();
  $("viewer").scrollIntoView({ behavior: "smooth", block: "start" });
}

const frameIndex = () => (shot && shot.index.length ? shot.index[Math.min(Number(state.t) || 0, shot.index.length - 1)] : null);

function goTo(index) {
  const at = shot ? shot.index.indexOf(index) : -1;
  if (at >= 0) showFrame(at);
}

function showFrame(at) {
  set({ t: String(Math.min(Math.max(at, 0), shot.index.length - 1)) });
  paint();
  drawCurve(shot.split, state.clip);
}

async function drawViewer() {
  const split = splitChosen();
  const clip = split && split.clips.includes(state.clip) ? state.clip : "";
  $("viewer").hidden = !clip;
  if (!clip) { shot = null; stop(); return; }
  const saved = savedFrames(split.dataset, split.split, clip);
  $("viewer-title").textContent = `${splitName(split)}/${clip}`;
  shot = { saved, split, layout: layoutOf(split, clip), index: saved ? saved.index : layoutOf(split, clip).frames };
  $("stage").hidden = $("mode").parentElement.hidden = !saved;
  for (const id of ["a", "b"]) $(id).parentElement.hidden = !saved;
  $("no-frames").hidden = Boolean(saved);
  $("loss-said").hidden = !saved || !doc.quality;
  $("loss-said").textContent = `Frames are shown as WebP of quality ${doc.quality}: differences and errors include its coding loss, numbers do not.`;
  $("time").max = Math.max(0, shot.index.length - 1);
  if (!saved) {
    const other = framesOf(split.dataset, split.split, clip);
    const kept = other && doc.protocols.filter((one) => other.protocols.includes(one.key)).map((one) => one.name).join(", ");
    if (other) $("no-frames").textContent = `The saved frames of this clip are those of ${kept}; under ${protocol().name} other frames were restored.`;
    else $("no-frames").replaceChildren("This page has no frames of this clip. Save them with ", element("code", {}, `stvsr-bench run … --dataset ${split.dataset} --split ${split.split} --clips ${clip} --save-frames all`), " and write the report again (its ", element("code", {}, "--page-clips N"), " says how many clips per split it takes). The default, ", element("code", {}, "--save-frames worst:3"), ", keeps the three worst clips of each split.");
    paint();
    return drawCurve(split, clip);
  }
  const names = Object.keys(saved.sources);
  const methods = names.filter((name) => name !== "truth" && name !== "input");
  set({ a: choices($("a"), names.map((name) => [name, name]), state.a || "truth"), b: choices($("b"), names.map((name) => [name, name]), state.b || (methods.includes(state.of) ? state.of : methods[0])) });
  $("mode").value = VIEWS.includes(state.mode) ? state.mode : "swipe";
  const ticket = ++asked;
  drawCurve(split, clip);
  try {
    const [a, b, truth] = await Promise.all([state.a, state.b, "truth"].map((name) => load(saved.sources[name])));
    if (ticket === asked) { Object.assign(shot, { a, b, truth }); paint(); drawCurve(split, clip); }
  } catch (error) {
    $("no-frames").hidden = false;
    $("no-frames").textContent = `Frames cannot be shown: ${error.message}. Keep the folder "frames" where the page is.`;
  }
}

function pixels(image, width, height) {
  const canvas = new OffscreenCanvas(width, height);
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.imageSmoothingEnabled = false;
  pen.drawImage(image, 0, 0, width, height);
  return pen.getImageData(0, 0, width, height);
}

function made(width, height, fill) {
  const canvas = new OffscreenCanvas(width, height);
  const data = new ImageData(width, height);
  fill(data.data);
  canvas.getContext("2d").putImageData(data, 0, 0);
  return canvas;
}

function difference(one, two, width, height) {
  const [a, b] = [pixels(one, width, height).data, pixels(two, width, height).data];
  return made(width, height, (out) => { for (let i = 0; i < out.length; i++) out[i] = i % 4 === 3 ? 255 : Math.min(255, Math.abs(a[i] - b[i]) * 4); });
}

function errorMap(one, truth, width, height) {
  const [a, b] = [pixels(one, width, height).data, pixels(truth, width, height).data];
  return made(width, height, (out) => {
    for (let i = 0; i < out.length; i += 4) {
      const e = Math.min(1, (Math.abs(a[i] - b[i]) + Math.abs(a[i + 1] - b[i + 1]) + Math.abs(a[i + 2] - b[i + 2])) / 3 / 40);
      out[i] = 255 * Math.min(1, e * 2.2); out[i + 1] = 255 * Math.max(0, e * 1.8 - 0.7); out[i + 2] = 255 * (e < 0.5 ? e * 1.1 : Math.max(0, 1.1 - e * 1.1)); out[i + 3] = 255;
    }
  });
}

function slices(width, height) {
  const bands = [["truth", shot.truth], [state.a, shot.a], [state.b, shot.b]].filter(([name], i) => i === 0 || name !== "truth");
  const row = Math.round(Number(state.row) * (height - 1));
  const thick = Math.max(4, Math.floor(height / (bands.length * shot.index.length + 3)));
  const canvas = new OffscreenCanvas(width, bands.length * (shot.index.length * thick + 6));
  const pen = canvas.getContext("2d");
  pen.imageSmoothingEnabled = false;
  bands.forEach(([, images], band) => shot.index.forEach((index, at) => {
    const image = images.get(index);
    if (image) pen.drawImage(image, 0, row * (image.naturalHeight / height), image.naturalWidth, 1, 0, band * (shot.index.length * thick + 6) + at * thick, width, thick);
  }));
  return { canvas, names: bands.map(([name]) => name).join(" · "), row };
}

function kindOf(index) {
  const at = shot.layout.frames.indexOf(index);
  return at < 0 ? "not scored" : shot.layout.given[at] ? "given" : "between";
}

function paint() {
  const index = frameIndex();
  $("time").value = state.t;
  $("time-said").textContent = index === null ? "" : `${index} (${kindOf(index)})`;
  $("row-said").textContent = "";
  if (!shot || !shot.saved || !shot.truth) return;
  const [truth, a, b] = [shot.truth.get(index), shot.a.get(index), shot.b.get(index)];
  if (!truth || !a || !b) return;
  const [width, height] = [truth.naturalWidth, truth.naturalHeight];
  const stage = $("stage");
  stage.style.touchAction = Number(state.z) > 1 ? "none" : "pan-y"; // a finger still scrolls the page past whole frames
  const beside = { both: 2, three: 3 }[state.mode] || 1;
  const wide = stage.clientWidth;
  const tall = Math.min(Math.round((wide / beside) * (height / width)), Math.round(innerHeight * 0.72));
  const ratio = devicePixelRatio || 1;
  let canvas = stage.querySelector("canvas");
  if (!canvas) { canvas = element("canvas"); stage.replaceChildren(canvas); }
  canvas.width = wide * ratio; canvas.height = tall * ratio; canvas.style.height = tall + "px";
  const pen = canvas.getContext("2d");
  pen.imageSmoothingEnabled = false;
  const put = (image, left, right) => place(pen, image, width, height, left * canvas.width, right * canvas.width, canvas.height);
  let tags = [state.a, state.b];
  if (state.mode === "both") { put(a, 0, 0.5); put(b, 0.5, 1); }
  else if (state.mode === "three") { put(a, 0, 1 / 3); put(b, 1 / 3, 2 / 3); put(difference(a, b, width, height), 2 / 3, 1); tags = [state.a, `|${state.a} − ${state.b}| × 4`, state.b]; }
  else if (state.mode === "a") { put(a, 0, 1); tags = [state.a, ""]; }
  else if (state.mode === "b") { put(b, 0, 1); tags = [state.b, ""]; }
  else if (state.mode === "difference") { put(difference(a, b, width, height), 0, 1); tags = [`|${state.a} − ${state.b}| × 4`, ""]; }
  else if (state.mode === "error") { put(errorMap(a, truth, width, height), 0, 1); tags = [`error of ${state.a}, 0 to 40 of 255`, ""]; }
  else if (state.mode === "slice") { const cut = slices(width, height); pen.drawImage(cut.canvas, 0, 0, canvas.width, canvas.height); tags = [`x across, t down: ${cut.names}`, ""]; $("row-said").textContent = `Slice through row ${cut.row}; click in another view to choose the row.`; }
  else {
    const at = Number(state.s);
    put(b, 0, 1);
    pen.save(); pen.beginPath(); pen.rect(0, 0, at * canvas.width, canvas.height); pen.clip(); put(a, 0, 1); pen.restore();
    pen.fillStyle = "#fff"; pen.fillRect(at * canvas.width - ratio, 0, 2 * ratio, canvas.height);
  }
  stage.querySelectorAll(".tag").forEach((tag) => tag.remove());
  if (tags[0]) stage.append(element("span", { class: "tag left" }, tags[0]));
  if (tags[1]) stage.append(element("span", { class: "tag right" }, tags[1]));
  if (tags[2]) stage.append(element("span", { class: "tag middle" }, tags[2]));
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `Frame ${index}: ${tags.filter(Boolean).join(", ")}`);
  stage.dataset.painted = `${state.mode} ${state.a} ${state.b} ${index}`;
}

function place(pen, image, width, height, left, right, tall) {
  const zoom = Math.max(1, Number(state.z) || 1);
  const fit = Math.min((right - left) / width, tall / height) * zoom;
  const [x, y] = [(left + right) / 2 - Number(state.cx) * width * fit, tall / 2 - Number(state.cy) * height * fit];
  pen.save();
  pen.beginPath();
  pen.rect(left, 0, right - left, tall);
  pen.clip();
  pen.drawImage(image, x, y, width * fit, height * fit);
  pen.restore();
}

function zoom(by) {
  const z = Math.min(16, Math.max(1, (Number(state.z) || 1) * by));
  set(z === 1 ? { z: "1", cx: "0.5", cy: "0.5" } : { z: z.toFixed(3) });
  paint();
}

// By keys: the part of a zoomed frame, the line of the swipe, the row of the slice.
const within = (value) => Math.min(1, Math.max(0, value)).toFixed(3);
function slide(across, down) {
  if (Number(state.z) > 1) set({ cx: within(Number(state.cx) + (across * 0.1) / Number(state.z)), cy: within(Number(state.cy) + (down * 0.1) / Number(state.z)) });
  paint();
}
function slideLine(by) { set({ s: within(Number(state.s) + by * 0.02) }); paint(); }
function slideRow(by) { set({ row: within(Number(state.row) + by * 0.02) }); paint(); }

let playing = 0;
function stop() { clearInterval(playing); playing = 0; $("play").textContent = "Play"; }
function play() {
  if (playing) return stop();
  $("play").textContent = "Stop";
  playing = setInterval(() => shot && showFrame((Number(state.t) + 1) % shot.index.length), 250);
}

function watchStage() {
  const stage = $("stage");
  let from = null;
  const swiping = (event) => state.mode === "swipe" && (Number(state.z) === 1 || Math.abs((event.clientX - stage.getBoundingClientRect().left) / stage.clientWidth - Number(state.s)) < 0.06);
  stage.addEventListener("pointerdown", (event) => {
    stage.setPointerCapture(event.pointerId);
    from = { x: event.clientX, y: event.clientY, cx: Number(state.cx), cy: Number(state.cy), swipe: swiping(event) };
    const area = stage.getBoundingClientRect();
    if (state.mode !== "slice") set({ row: Math.min(1, Math.max(0, (event.clientY - area.top) / area.height)).toFixed(3) });
    move(event);
  });
  const move = (event) => {
    if (!from) return;
    const area = stage.getBoundingClientRect();
    if (from.swipe) set({ s: Math.min(1, Math.max(0, (event.clientX - area.left) / area.width)).toFixed(3) });
    else if (Number(state.z) > 1) set({ cx: (from.cx - (event.clientX - from.x) / area.width / Number(state.z)).toFixed(4), cy: (from.cy - (event.clientY - from.y) / area.height / Number(state.z)).toFixed(4) });
    paint();
  };
  stage.addEventListener("pointermove", move);
  for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, () => { from = null; });
  stage.addEventListener("wheel", (event) => { event.preventDefault(); zoom(event.deltaY < 0 ? 1.25 : 0.8); }, { passive: false });
}
