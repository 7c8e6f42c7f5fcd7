// Where the numbers come from: protocols in words, weights, machines with their versions, commands.
function drawProvenance() {
  $("provenance-section").hidden = !doc.provenance.length;
  let title = "";
  const rows = doc.provenance.map((fact) => {
    const first = fact.title !== title;
    title = fact.title;
    return element("tr", {}, element("td", {}, first ? title : ""), element("td", {}, ...breakable(fact.name)), element("td", {}, fact.value));
  });
  const head = ["Kind", "Of", "What is known"].map((text) => element("th", { scope: "col" }, text));
  $("provenance").replaceChildren(element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows));
}
