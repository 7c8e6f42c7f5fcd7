// One chart on one canvas by Chart.js (inlined, MIT): its colours and letters are the page's own, and it never animates.
const SHAPES = ["circle", "rect", "triangle", "rectRot", "star", "crossRot", "cross", "rectRounded"];
const charts = new Map();

// The lines of error bars, and the line of the frame on the stage: both over the points of a chart.
const BARS = {
  id: "bars",
  afterDatasetsDraw(chart) {
    const { ctx: pen, chartArea: area, scales: { x, y } } = chart;
    const line = (x1, y1, x2, y2) => { pen.moveTo(x1, y1); pen.lineTo(x2, y2); };
    pen.save();
    pen.beginPath(); pen.rect(area.left, area.top, area.right - area.left, area.bottom - area.top); pen.clip();
    chart.data.datasets.forEach((of, at) => {
      if (!chart.isDatasetVisible(at)) return;
      pen.beginPath();
      pen.strokeStyle = of.borderColor;
      for (const point of of.data) if (point.half) {
        const [across, low, high] = [x.getPixelForValue(point.x), y.getPixelForValue(point.y - point.half), y.getPixelForValue(point.y + point.half)];
        line(across, low, across, high); line(across - 4, low, across + 4, low); line(across - 4, high, across + 4, high);
      }
      pen.stroke();
    });
    const now = chart.options.now;
    if (typeof now === "number") {
      pen.beginPath(); pen.strokeStyle = ink("--quiet"); pen.setLineDash([5, 4]);
      line(x.getPixelForValue(now), area.top, x.getPixelForValue(now), area.bottom);
      pen.stroke();
    }
    pen.restore();
  },
};

const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function axis(title, more) {
  const lead = (value) => Number(value.toPrecision(1)) === value && [1, 2, 5].includes(Number(value.toExponential()[0]));
  const log = more.type === "logarithmic" ? { callback: (value) => (lead(value) ? String(value) : "") } : {};
  return { title: { display: true, text: title, color: ink("--quiet") }, grid: { color: ink("--line") }, ...more, ticks: { color: ink("--quiet"), maxRotation: 0, ...log, ...more.ticks } };
}

// `said` gives the text of a point under the pointer, `click` is called with the raw point that was clicked.
function chart(id, height, datasets, x, y, { said, click, now, legend = true, label }) {
  charts.get(id)?.destroy();
  const canvas = element("canvas", { role: "img", "aria-label": label });
  const place = element("div", { class: "chart", style: `height:${height}px` }, canvas);
  $(id).replaceChildren(place);
  const text = (item) => said(item.raw, item.dataset).split("\n");
  charts.set(id, new Chart(canvas, {
    type: "scatter",
    data: { datasets },
    plugins: [BARS],
    options: {
      animation: false, parsing: false, normalized: true, maintainAspectRatio: false, now,
      font: { family: getComputedStyle(document.body).fontFamily },
      scales: { x, y },
      interaction: { mode: "nearest", intersect: true },
      onClick: (event, found) => { if (found.length && click) click(datasets[found[0].datasetIndex].data[found[0].index]); },
      onHover: (event, found) => { canvas.style.cursor = found.length && click ? "pointer" : "default"; },
      plugins: {
        legend: { display: legend, position: "bottom", labels: { color: ink("--ink"), usePointStyle: true, boxHeight: 7, padding: 8 } },
        tooltip: { displayColors: false, filter: (item) => !item.dataset.silent, callbacks: { title: () => "", label: text } },
      },
    },
  }));
}

function emptied(id, text) {
  charts.get(id)?.destroy();
  charts.delete(id);
  $(id).replaceChildren(element("p", { class: "quiet" }, text));
}
