// Named parameters as sliders, and beside them what every setting within their ranges would cost and find.

const STEPS = 100;

function scaled(low, high, from, to) {
  return (value) => (high > low ? from + ((value - low) / (high - low)) * (to - from) : (from + to) / 2);
}

function rounded(value) {
  return Number(value.toPrecision(4));
}

function parameterRow(name, setting, changed) {
  const slider = make("input", { type: "range", id: uid("slider"), "data-parameter": name });
  const exact = make("input", { type: "text", class: "exact", placeholder: "value", "aria-label": `Value of :${name}` });
  const low = make("input", { type: "number", step: "any", "aria-label": `Lowest sensible value of :${name}` });
  const high = make("input", { type: "number", step: "any", "aria-label": `Highest sensible value of :${name}` });

  function show() {
    const numeric = typeof setting.value === "number";
    slider.disabled = !numeric;
    slider.min = setting.low ?? 0;
    slider.max = setting.high ?? 1;
    slider.step = (slider.max - slider.min) / STEPS || 1;
    slider.value = numeric ? setting.value : slider.min;
    exact.value = setting.value ?? "";
    exact.setAttribute("aria-invalid", String(setting.value === null));
    low.value = setting.low ?? "";
    high.value = setting.high ?? "";
  }

  function widen() {
    if (typeof setting.value !== "number") return;
    const [least, most] = [setting.value / 2, 2 * setting.value || 1].sort((a, b) => a - b);
    setting.low = Math.min(setting.low ?? least, setting.value);
    setting.high = Math.max(setting.high ?? most, setting.value);
  }

  function told() {
    show();
    changed();
  }

  slider.addEventListener("input", () => {
    setting.value = rounded(Number(slider.value));
    exact.value = setting.value;
    changed();
  });
  exact.addEventListener("change", () => {
    const text = exact.value.trim();
    setting.value = text === "" ? null : Number.isFinite(Number(text)) ? Number(text) : text;
    widen();
    told();
  });
  for (const [input, end] of [[low, "low"], [high, "high"]]) {
    input.addEventListener("change", () => {
      if (input.value !== "") setting[end] = Number(input.value);
      widen();
      told();
    });
  }
  widen();
  show();
  const range = make("span", { class: "range" }, low, slider, high);
  return make("div", { class: "setting" }, make("label", { for: slider.id }, `:${name}`), exact, range);
}

function axisTicks(least, most) {
  const rough = (most - least || 1) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough);
  const ticks = [];
  for (let tick = Math.ceil(least / step) * step; tick <= most + step / 1e6; tick += step) ticks.push(tick);
  return ticks;
}

function frontierChart({ points, x_label, y_label }, picked) {
  const [width, height, left, bottom, top, right] = [520, 270, 64, 44, 26, 14];
  const most = (key) => Math.max(...points.map((point) => point[key]), 1);
  const x = scaled(0, most("x"), left, width - right);
  const y = scaled(0, most("y"), height - bottom, top);
  const text = (attributes, content) => draw("text", attributes, content);
  const number = new Intl.NumberFormat("en-US", { notation: "compact" });
  const grid = axisTicks(0, most("y")).flatMap((tick) => [
    draw("line", { class: "grid", x1: left, x2: width - right, y1: y(tick), y2: y(tick) }),
    text({ x: left - 8, y: y(tick) + 4, "text-anchor": "end" }, number.format(tick)),
  ]);
  const foot = axisTicks(0, most("x")).map((tick) =>
    text({ x: x(tick), y: height - bottom + 18, "text-anchor": "middle" }, number.format(tick)),
  );
  const best = points.filter((point) => point.frontier).sort((a, b) => a.x - b.x || a.y - b.y);
  const path = best.map((point, at) => `${at ? "L" : "M"}${x(point.x)} ${y(point.y)}`).join("");
  const dots = points.map((point) => {
    const chosen = { tabindex: 0, role: "button", "aria-label": `${point.text}. Choose this setting.` };
    const pick = () => picked(point.values);
    const pressed = (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      pick();
    };
    const kinds = ["frontier", "current", "suggested"].filter((kind) => point[kind]);
    const active = kinds.length ? { ...chosen, onclick: pick, onkeydown: pressed } : { onclick: pick };
    const size = point.current ? 7 : kinds.length ? 5 : 3.5;
    const [across, up] = [x(point.x), y(point.y)];
    const shape = point.suggested
      ? ["rect", { x: across - size, y: up - size, width: 2 * size, height: 2 * size }]
      : ["circle", { cx: across, cy: up, r: size }];
    const title = draw("title", {}, point.text);
    return draw(shape[0], { ...shape[1], ...active, class: ["dot", ...kinds].join(" ") }, title);
  });
  return draw(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": `${y_label} by ${x_label}`, class: "picture" },
    text({ x: 0, y: 13 }, y_label),
    grid,
    foot,
    text({ x: width - right, y: height - 6, "text-anchor": "end" }, x_label),
    draw("path", { d: path, class: "best-line" }),
    dots,
  );
}

function tuningPanel({ changed }) {
  const rows = make("div", { class: "settings" });
  const chart = make("div", { class: "chart" });
  const node = make("section", { class: "tuning", hidden: true }, make("h3", {}, "Parameters"), rows, chart);
  const settings = new Map();

  function show(names) {
    node.hidden = names.length === 0;
    rows.replaceChildren(...names.map((name) => parameterRow(name, settings.get(name), changed)));
  }

  return {
    node,
    load(parameters) {
      settings.clear();
      chart.replaceChildren();
      for (const one of parameters) settings.set(one.name, { value: one.value, low: one.low, high: one.high });
    },
    follow(names) {
      for (const name of names) if (!settings.has(name)) settings.set(name, { value: null, low: null, high: null });
      const wanted = names.join(" ");
      if (rows.dataset.names === wanted) return;
      rows.dataset.names = wanted;
      show(names);
    },
    reset() {
      delete rows.dataset.names;
    },
    values: (names) => names.map((name) => ({ name, ...settings.get(name) })),
    showFrontier(found) {
      if (!found.points.length) return chart.replaceChildren(make("p", { class: "hint" }, found.note));
      const pick = (values) => {
        for (const [name, value] of Object.entries(values)) settings.get(name).value = value;
        show(rows.dataset.names.split(" "));
        changed();
      };
      return chart.replaceChildren(frontierChart(found, pick), make("p", { class: "hint" }, found.note));
    },
  };
}
