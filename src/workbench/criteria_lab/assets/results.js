// The answers: key figures, what other criteria hit, and the months. Texts arrive written; nothing is computed here.

function card({ key, label, value, interval, note, tone, controlled }) {
  const mark = controlled ? make("span", { class: "known", title: "Known for controlled goods only" }, "controlled goods") : null;
  const range = interval ? make("span", { class: "interval" }, ` (${interval})`) : null;
  return make(
    "div",
    { class: `card ${tone}`, "data-key": key },
    make("dt", {}, label, mark),
    make("dd", {}, make("span", { class: "value" }, value), range, make("span", { class: "note" }, note)),
  );
}

function plainTable({ key, title, note, columns, rows }) {
  const head = columns.map(({ label, right }) => make("th", { scope: "col", class: right ? "right" : "" }, label));
  const line = (row) => make("tr", {}, row.map((cell, at) => make("td", { class: columns[at].right ? "right" : "" }, cell)));
  const table = make("table", {}, make("thead", {}, make("tr", {}, head)), make("tbody", {}, rows.map(line)));
  const body = rows.length ? make("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": title }, table) : null;
  return make("section", { "data-key": key }, make("h3", {}, title), make("p", { class: "hint" }, note), body);
}

function monthBars(months) {
  const most = Math.max(...months.map((month) => month.hits), 1);
  const bars = months.map((month, at) => {
    const height = (36 * month.hits) / most;
    const box = { x: at * 10, y: 40 - height, width: 8, height, class: "bar" };
    return draw("rect", box, draw("title", {}, `${month.label}: ${month.text}`));
  });
  const label = `Hits by month, ${months[0].label} to ${months.at(-1).label}`;
  const picture = draw(
    "svg",
    { viewBox: `0 0 ${months.length * 10} 40`, preserveAspectRatio: "none", role: "img", "aria-label": label },
    bars,
  );
  const ends = make("p", { class: "ends" }, make("span", {}, months[0].label), make("span", {}, months.at(-1).label));
  return make("section", { class: "months" }, make("h3", {}, "Hits by month"), picture, ends);
}

function resultsPanel() {
  const cards = make("dl", { class: "cards" });
  const rest = make("div", { class: "rest" });
  const node = make("div", { class: "results" }, cards, rest);
  return {
    node,
    show({ cards: found, tables, months }) {
      cards.replaceChildren(...found.map(card));
      rest.replaceChildren(...tables.map(plainTable), ...(months.length > 1 ? [monthBars(months)] : []));
    },
    hide(message) {
      cards.replaceChildren();
      rest.replaceChildren(make("p", { class: "hint" }, message));
    },
  };
}
