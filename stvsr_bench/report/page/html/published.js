// What papers print, whatever this run measured: found by words, data set, scale and time scale.
function publishedShown() {
  const words = state.pq.toLowerCase().split(/\s+/).filter(Boolean);
  const kept = doc.published.lines.filter((line) => {
    const text = [line.method, line.under, doc.published.sources[line.source][0]].join(" ").toLowerCase();
    const alike = (!state.pd || line.dataset === state.pd) && (!state.ps || line.scale === state.ps) && (!state.pt || line.time === state.pt);
    return alike && (!state.px || line.apart.length) && words.every((word) => text.includes(word));
  });
  return state.px ? [...kept].sort((one, two) => one.apart[0] - two.apart[0]) : kept;
}

function drawPublished() {
  const lines = doc.published.lines;
  const of = (key, all) => [["", all], ...unique(lines.map((line) => line[key])).sort((a, b) => (Number(a) - Number(b)) || a.localeCompare(b)).map((one) => [one, one])];
  state.pd = choices($("published-dataset"), of("dataset", "all"), state.pd);
  state.ps = choices($("published-scale"), of("scale", "all"), state.ps);
  state.pt = choices($("published-time"), of("time", "all"), state.pt);
  if ($("published-find").value !== state.pq) $("published-find").value = state.pq;
  $("published-apart").checked = Boolean(state.px);
  if (state.pq || state.pd || state.ps || state.pt || state.px) $("published-details").open = true;
  const shown = publishedShown();
  $("published-summary").textContent = `${shown.length} of ${lines.length} printed lines of ${unique(lines.map((line) => line.method)).length} methods, with their sources`;
  if (!$("published-details").open) return;  // hundreds of lines that nobody looks at
  const heads = ["Method as printed", "Data set", "Scale", "Time scale", ...doc.published.metrics, "Protocol", "Source"];
  const head = element("tr", {}, ...heads.map((text) => element("th", { scope: "col" }, text)));
  const rows = shown.map((line) => {
    const [source, address] = doc.published.sources[line.source];
    const link = /^https?:/.test(address) ? element("a", { href: address, rel: "noreferrer" }, source) : source;
    const texts = [`${line.dataset} ${line.split}`, `x${line.scale}`, `x${line.time}`, ...line.values.map((value) => value || "–"), line.under];
    return element("tr", {}, element("th", { scope: "row" }, line.method), ...texts.map((text) => element("td", {}, text)), element("td", {}, link));
  });
  $("published").replaceChildren(element("thead", {}, head), element("tbody", {}, ...rows));
}
