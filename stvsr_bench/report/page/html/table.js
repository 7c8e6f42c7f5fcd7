// The table of methods: sorted, filtered, with a way from every number to its clips.
function columnsShown() {
  return protocol().columns.map((column, index) => ({ ...column, index })).filter((column) => column.frames === state.f && (!state.d || column.dataset === state.d));
}

function linesShown(columns) {
  const words = state.q.toLowerCase().split(/\s+/).filter(Boolean);
  const lines = protocol().lines.map((line, index) => ({ ...line, index }));
  const kept = lines.filter((line) => {
    const text = [line.label, line.group, ...line.badges.map((badge) => badge.name)].join(" ").toLowerCase();
    return words.every((word) => text.includes(word)) && columns.some((column) => line.cells[column.index].clips);
  });
  return state.sort ? sorted(kept) : kept;
}

function sorted(lines) {
  const down = state.sort.startsWith("-");
  const key = down ? state.sort.slice(1) : state.sort;
  const value = (line) => {
    if (key === "method") return line.label.toLowerCase();
    if (key.startsWith("fact:")) return line.facts[key.slice(5)]?.value ?? null;
    return line.cells[Number(key)]?.value ?? null;
  };
  return [...lines].sort((one, two) => {
    const [first, second] = [value(one), value(two)];
    if (first === null || second === null) return (first === null) - (second === null);
    return (first < second ? -1 : first > second ? 1 : 0) * (down ? -1 : 1);
  });
}

function headCell(text, key, higher, attributes) {
  const way = state.sort === key ? "ascending" : state.sort === "-" + key ? "descending" : "none";
  const click = () => {
    const first = higher ? "-" + key : key;
    const other = higher ? key : "-" + key;
    set({ sort: state.sort === first ? other : state.sort === other ? "" : first });
    drawTable();
  };
  return element("th", { scope: "col", "aria-sort": way, ...attributes }, element("button", { type: "button", onclick: click }, text));
}

function drawTable() {
  const columns = columnsShown();
  const facts = Object.entries(protocol().facts);
  const top = element("tr", {}, element("td"));
  for (let i = 0; i < columns.length; ) {
    const same = columns.filter((column) => column.dataset === columns[i].dataset && column.split === columns[i].split);
    top.append(element("th", { colspan: same.length, class: "split", scope: "colgroup" }, `${columns[i].dataset} ${columns[i].split} (n = ${columns[i].clips})`));
    i += same.length;
  }
  if (facts.length) top.append(element("td", { colspan: facts.length }));
  const head = element("tr", {}, headCell("Method", "method", false),
    ...columns.map((column) => {
      const metric = protocol().metrics[column.metric];
      return headCell(`${metric.title} ${metric.better === "lower" ? "↓" : "↑"}`, String(column.index), metric.better !== "lower");
    }), ...facts.map(([name, fact]) => headCell(fact.label, "fact:" + name, false)));
  const lines = linesShown(columns);
  const body = element("tbody");
  let group = null;
  const grouped = !state.sort && new Set(lines.map((line) => line.group)).size > 1;
  for (const line of lines) {
    if (grouped && line.group !== group) body.append(element("tr", {}, element("td", { class: "group", colspan: 1 + facts.length + columns.length }, line.group)));
    group = line.group;
    body.append(lineOf(line, facts, columns));
  }
  if (!lines.length) body.append(element("tr", {}, element("td", { colspan: 1 + facts.length + columns.length }, "No method matches the filter.")));
  // no column is cut at 1400 px as long as there are as many as two data sets of three splits have
  $("table").classList.toggle("dense", columns.length + facts.length > 10);
  $("table").replaceChildren(element("thead", {}, top, head), body);
  $("table").style.setProperty("--head", `${top.offsetHeight}px`); // where the second row of the head stays when one scrolls
}

function lineOf(line, facts, columns) {
  const badges = line.badges.map((badge) => element("span", { class: "badge", title: badge.says }, badge.name));
  return element("tr", { "data-method": line.label }, element("th", { scope: "row" }, ...breakable(line.label), ...badges),
    ...columns.map((column) => cellOf(line, column)),
    ...facts.map(([name]) => element("td", {}, line.facts[name].text)));
}

function cellOf(line, column) {
  const cell = line.cells[column.index];
  if (!cell.n) return element("td", {}, cell.text);
  const chosen = state.split === `${column.dataset}/${column.split}` && state.of === line.label && metricOf() === column.metric;
  const said = `n = ${cell.n}` + (cell.half === null ? "" : `, ± ${cell.half.toFixed(4)} (95 %)`) + (cell.left ? `, ${cell.left} frames left out` : "");
  const show = () => {
    set({ split: `${column.dataset}/${column.split}`, of: line.label, m: column.metric, clip: "", find: "" });
    drawAll();
    $("clips-section").scrollIntoView({ behavior: "smooth" });
  };
  const button = element("button", { type: "button", class: cell.mark || null, title: said, onclick: show }, cell.text);
  return element("td", { class: chosen ? "chosen" : null }, button, cell.partial ? element("small", {}, ` n=${cell.n}`) : null);
}
