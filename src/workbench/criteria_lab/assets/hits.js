// The hits, a page at a time: the kernel sorts and filters, so that order and search are of all hits, not of a page.

function hitsPanel({ changed, kinds }) {
  const order = { sort: "", descending: false, page: 0 };
  const search = make("input", { type: "search", placeholder: "number, trader, code or words of the goods" });
  const shown = make("select", {});
  choices(shown, kinds, "all");
  const head = make("tr", {});
  const body = make("tbody", {});
  const count = make("p", { class: "count", "aria-live": "polite" });
  const reason = make("p", { class: "hint" });
  const back = make("button", { type: "button", onclick: () => turn(-1) }, "Previous");
  const on = make("button", { type: "button", onclick: () => turn(1) }, "Next");
  const table = make("table", { class: "hits" }, make("caption", { class: "unseen" }, "Hits"), make("thead", {}, head), body);
  const box = make("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Hits, scrollable" }, table);
  const sideways = make("p", { class: "hint sideways" }, "More columns to the right: scroll the table sideways →");
  const toldWhetherCut = () => {
    sideways.hidden = box.scrollLeft + box.clientWidth >= table.scrollWidth - 1;
  };
  const again = debounced(() => turnTo(0), 200);

  function turnTo(page) {
    order.page = page;
    changed();
  }

  function turn(step) {
    turnTo(order.page + step);
  }

  function sortBy(name) {
    order.descending = order.sort === name ? !order.descending : false;
    order.sort = name;
    turnTo(0);
  }

  function heading({ name, label, title, right, read, sortable }) {
    if (!sortable) return make("th", { scope: "col", title }, label);
    const sorted = order.sort === name;
    const arrow = sorted ? (order.descending ? " ▼" : " ▲") : "";
    const direction = sorted ? (order.descending ? "descending" : "ascending") : "none";
    const button = make("button", { type: "button", onclick: () => sortBy(name) }, `${label}${arrow}`);
    const classes = `${right ? "right" : ""}${read ? " read" : ""}`;
    return make("th", { scope: "col", title, "aria-sort": direction, class: classes, "data-column": name }, button);
  }

  new ResizeObserver(toldWhetherCut).observe(box);
  box.addEventListener("scroll", toldWhetherCut);
  search.addEventListener("input", again);
  shown.addEventListener("change", () => turnTo(0));
  const filters = make("div", { class: "filters" }, field("Search", search), field("Show", shown), count);
  const pages = make("div", { class: "pages" }, back, on);
  return {
    node: make("section", { class: "hits-panel" }, make("h3", {}, "Hits"), reason, filters, sideways, box, pages),
    request: () => ({ ...order, text: search.value, kind: shown.value }),
    restart() {
      order.page = 0;
    },
    show({ columns, rows, total, page, pages: all, reason: sentence }) {
      order.page = page;
      const focused = document.activeElement?.closest?.("th")?.dataset.column;
      head.replaceChildren(...columns.map(heading));
      const cell = (value, at) => make("td", { class: columns[at].right ? "right" : columns[at].wide ? "wide" : "" }, value);
      body.replaceChildren(...rows.map((row) => make("tr", {}, row.map(cell))));
      reason.textContent = sentence;
      count.textContent = all > 1 ? `${total}, page ${page + 1} of ${all}` : total;
      back.disabled = page === 0;
      on.disabled = page + 1 >= all;
      pages.hidden = all <= 1;
      toldWhetherCut();
      if (focused) head.querySelector(`[data-column="${CSS.escape(focused)}"] button`)?.focus();
    },
  };
}
