// Ties the parts together: controls, keys, address, theme.
function drawHead() {
  const about = doc.about;
  const parts = [`${about.clips} clips, ${about.rows} rows`];
  for (const [name, key] of [["started", "started"], ["commit", "commit"], ["on", "device"], ["suite", "suite"]]) {
    const said = [...new Set(about[key] || [])].filter(Boolean);
    if (said.length) parts.push(`${name} ${said.join(", ")}`);
  }
  $("facts").textContent = parts.join(" · ");
  $("failed").hidden = !about.failed;
  $("failed").textContent = `${about.failed} clips failed and are missing from the numbers below; see failures.jsonl of the run.`;
  $("downloads").replaceChildren("Download: ", ...Object.entries(files).map(([name, text]) => element("a", { href: URL.createObjectURL(new Blob([text], { type: "text/plain" })), download: name }, name)));
}

function drawControls() {
  const shared = (one) => doc.protocols.filter((other) => other.name === one.name).length > 1;
  choices($("protocol"), doc.protocols.map((one) => [one.key, (shared(one) ? one.key : one.name) + (one.task ? `: ${one.task}` : "")]), protocol().key);
  const datasets = [...new Set(protocol().columns.map((column) => column.dataset))];
  if (!datasets.includes(state.d)) state.d = "";
  choices($("dataset"), [["", "all"], ...datasets.map((name) => [name, name])], state.d);
  const choicesOfFrames = new Set(protocol().columns.map((column) => column.frames));
  if (!choicesOfFrames.has(state.f)) state.f = "all";
  for (const option of $("frames").options) option.disabled = !choicesOfFrames.has(option.value);
  $("frames").value = state.f;
  if ($("filter").value !== state.q) $("filter").value = state.q;
  choices($("metric"), Object.entries(protocol().metrics).map(([name, how]) => [name, how.title]), metricOf());
  state.cost = choices($("cost"), Object.entries(protocol().facts).map(([name, how]) => [name, how.label]), state.cost || (protocol().facts.runtime_ms ? "runtime_ms" : Object.keys(protocol().facts).find((name) => name.startsWith("seconds")) || ""));
  const lines = protocol().lines.map((line, index) => [String(index), named(line)]);
  state.x = choices($("first"), lines, state.x);
  state.y = choices($("second"), lines, state.y || String(Math.min(1, lines.length - 1)));
  $("protocol-said").textContent = `Protocol ${protocol().name} (${protocol().key}). ${protocol().said}`;
  $("places-said").textContent = protocol().places.length ? `Measured: ${protocol().places.join("; ")}.` : "";
  $("notes").replaceChildren(...protocol().notes.map((note) => element("li", {}, note)));
  $("order").value = state.order;
  if ($("find").value !== state.find) $("find").value = state.find;
  $("saved").checked = Boolean(state.saved);
}

function drawAll() {
  drawControls();
  drawTable();
  drawPlane();
  drawResponse();
  drawPareto();
  drawScatter();
  drawClips();
  drawViewer();
  drawPublished();
  drawProvenance();
  drawSections();
}

// Buttons and not links: the address holds the view.
function drawSections() {
  const shown = [...document.querySelectorAll("main section:not([hidden]) > h2")];
  const go = (head) => { head.scrollIntoView({ behavior: "smooth" }); head.tabIndex = -1; head.focus({ preventScroll: true }); };
  $("sections").replaceChildren(...shown.map((head) => element("button", { type: "button", onclick: () => go(head) }, head.textContent)));
}

function dress() {
  const dark = state.theme ? state.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.classList.toggle("dark", dark);
  return dark;
}

function on(id, key, after) {
  const event = $(id).tagName === "INPUT" ? "input" : "change";
  $(id).addEventListener(event, () => {
    set({ [key]: $(id).type === "checkbox" ? ($(id).checked ? "1" : "") : $(id).value });
    after();
  });
}

function watch() {
  on("protocol", "p", () => { set({ sort: "" }); drawAll(); });
  for (const [id, key] of [["frames", "f"], ["dataset", "d"]]) on(id, key, drawAll);
  on("filter", "q", () => { drawTable(); drawPareto(); });
  on("metric", "m", drawAll);
  on("cost", "cost", drawPareto);
  for (const [id, key] of [["first", "x"], ["second", "y"]]) on(id, key, drawScatter);
  for (const [id, key] of [["order", "order"], ["find", "find"], ["saved", "saved"]]) on(id, key, () => { listed = STEP; drawClips(); });
  for (const id of ["a", "b"]) on(id, id, drawViewer);
  for (const [id, key] of [["plane", "pl"], ["plane-metric", "pm"], ["plane-frames", "pf"], ["plane-a", "pa"], ["plane-b", "pb"]]) on(id, key, drawPlane);
  for (const [id, key] of [["response", "rl"], ["response-metric", "rm"]]) on(id, key, drawResponse);
  for (const [id, key] of [["find", "pq"], ["dataset", "pd"], ["scale", "ps"], ["time", "pt"], ["apart", "px"]]) on(`published-${id}`, key, drawPublished);
  $("published-details").addEventListener("toggle", drawPublished);
  on("mode", "mode", paint);
  $("time").addEventListener("input", () => shot && showFrame(Number($("time").value)));
  $("more").addEventListener("click", () => { listed += STEP * 5; drawClips(); });
  $("in").addEventListener("click", () => zoom(1.5));
  $("out").addEventListener("click", () => zoom(1 / 1.5));
  $("fit").addEventListener("click", () => zoom(0));
  $("play").addEventListener("click", play);
  $("close").addEventListener("click", closeViewer);
  $("theme").addEventListener("click", theme);
  $("help").addEventListener("click", () => $("keys").showModal());
  watchStage();
  addEventListener("hashchange", () => { readAddress(); dress(); drawAll(); });
  let pause = 0;
  addEventListener("resize", () => { clearTimeout(pause); pause = setTimeout(() => { if (shot) paint(); }, 120); });
  addEventListener("beforeprint", () => { document.documentElement.classList.remove("dark"); drawResponse(); drawPareto(); drawScatter(); });
  addEventListener("afterprint", () => { dress(); drawResponse(); drawPareto(); drawScatter(); });
  addEventListener("keydown", key);
}

function closeViewer() { set({ clip: "" }); stop(); drawClips(); drawViewer(); }
function theme() { set({ theme: dress() ? "light" : "dark" }); dress(); drawAll(); }

function key(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || $("keys").open) return;
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
  if (event.key === "Escape" && typing) return event.target.blur();
  if (typing || (event.target.tagName === "BUTTON" && (event.key === " " || event.key === "Enter"))) return;
  const shared = { "/": () => $("filter").focus(), d: theme, "?": () => $("keys").showModal() };
  const viewer = {
    ArrowLeft: () => showFrame(Number(state.t) - 1), ArrowRight: () => showFrame(Number(state.t) + 1), "[": () => stepClip(-1), "]": () => stepClip(1),
    ArrowUp: () => slideRow(-1), ArrowDown: () => slideRow(1), ",": () => slideLine(-1), ".": () => slideLine(1),
    x: () => { set({ a: state.b, b: state.a }); drawViewer(); }, "+": () => zoom(1.5), "=": () => zoom(1.5), "-": () => zoom(1 / 1.5), 0: () => zoom(0), " ": play, Escape: closeViewer,
  };
  const pans = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const view = VIEWS[Number(event.key) - 1];
  const pan = event.shiftKey && pans[event.key];
  const upDown = /^Arrow(Up|Down)$/.test(event.key) && !pan && !(state.mode === "slice" && event.target === $("stage"));
  if (upDown) return; // they scroll the page
  const action = shared[event.key] || (shot && pan && (() => slide(...pan))) || (shot && (viewer[event.key] || (view && (() => { set({ mode: view }); $("mode").value = view; paint(); }))));
  if (action) { event.preventDefault(); action(); }
}

readAddress();
dress();
drawHead();
watch();
drawAll();
document.documentElement.dataset.ready = "1";
