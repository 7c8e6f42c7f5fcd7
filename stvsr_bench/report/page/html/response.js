// Quality at each time between two given frames, as curves and as a table of the same numbers.
function responseChosen() {
  const place = choices($("response"), unique(doc.responses.map((one) => one.place)).map((name) => [name, name]), state.rl);
  const here = doc.responses.filter((one) => one.place === place);
  const metric = choices($("response-metric"), here.map((one) => [one.metric, one.title]), state.rm);
  return here.find((one) => one.metric === metric);
}

function timeOf(text) {
  const [above, below] = text.split("/").map(Number);
  return above / (below || 1);
}

function drawResponse() {
  $("response-section").hidden = !doc.responses.length;
  if (!doc.responses.length) return;
  const of = responseChosen();
  const name = (curve) => curve.label + (curve.clips < of.clips ? ` (n = ${curve.clips})` : "");
  const datasets = of.curves.map((curve, index) => {
    const points = curve.values.map((y, step) => ({ x: timeOf(of.times[step]), y, text: curve.texts[step], given: step === 0 }));
    // the gap ends at the given frame that begins the next one
    const data = [...points, { ...points[0], x: 1 }].filter(({ y }) => y !== null);
    return { label: name(curve), data, showLine: true, pointStyle: SHAPES[index % 8], pointRadius: 5, pointHitRadius: 4, borderWidth: 1.5, borderColor: colour(index), backgroundColor: colour(index), pointBackgroundColor: data.map(({ given }) => (given ? colour(index) : ink("--ground"))) };
  });
  const said = ({ x, text, given }, { label }) => `${label}\nt = ${x.toFixed(3)}${given ? " (input frame)" : ""}: ${of.title} ${text}`;
  const x = axis("Time between two input frames (filled: input frame)", { min: -0.03, max: 1.03, ticks: { includeBounds: false } });
  chart("response-plot", 300, datasets, x, axis(of.label, { grace: "6%" }), { said, label: `${of.label} against time, ${of.place}; the table below has the numbers` });
  const head = element("tr", {}, ...["Method", ...of.times.map((t) => `t = ${t}`)].map((text) => element("th", { scope: "col" }, text)));
  const rows = of.curves.map((curve) => element("tr", {}, element("th", { scope: "row" }, ...breakable(name(curve))), ...curve.texts.map((text) => element("td", {}, text))));
  const caption = element("caption", {}, `${of.label}: ${of.place} (n = ${of.clips})`);
  $("response-table").replaceChildren(caption, element("thead", {}, head), element("tbody", {}, ...rows));
}
