// The condition: a text area with its words coloured behind it, faults underlined at their place, and completion.

const TOKEN = /('(?:[^']|'')*'?)|(:[A-Za-z_]\w*)|(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|([A-Za-z_]\w*)/g;
const WORD_BEFORE = /[:A-Za-z_][\w.]*$/;
const MOST_OFFERED = 12;

function offsetOf(text, line, column) {
  const lines = text.split("\n").slice(0, line - 1);
  return lines.reduce((sum, one) => sum + one.length + 1, 0) + Math.max(column - 1, 0);
}

function matches(entries, word) {
  const sought = word.toLowerCase();
  const places = (entry) => entry.label.toLowerCase().indexOf(sought);
  const parts = (entry) => entry.label.toLowerCase().split("_").some((part) => part.startsWith(sought));
  const rank = (entry) => (places(entry) === 0 ? 0 : parts(entry) ? 1 : 2);
  return entries
    .filter((entry) => places(entry) >= 0 && entry.label.toLowerCase() !== sought)
    .sort((a, b) => rank(a) - rank(b) || a.label.length - b.label.length)
    .slice(0, MOST_OFFERED);
}

function conditionEditor({ vocabulary, parameters, changed }) {
  const listId = uid("completions");
  const area = make("textarea", {
    class: "code",
    rows: 5,
    maxlength: 4096,
    spellcheck: "false",
    autocomplete: "off",
    autocapitalize: "off",
    role: "combobox",
    "aria-autocomplete": "list",
    "aria-expanded": "false",
    "aria-haspopup": "listbox",
    "aria-controls": listId,
  });
  const mirror = make("pre", { class: "code mirror", "aria-hidden": "true" });
  const list = make("ul", { class: "completions", id: listId, role: "listbox", "aria-label": "Completions", hidden: true });
  const about = make("p", { class: "about" });
  const faults = make("ul", { class: "faults" });
  const kinds = new Map(vocabulary.map((entry) => [entry.label.toUpperCase(), entry.kind]));
  let offered = [];
  let active = -1;
  let marks = [];

  function classOf(token) {
    if (token[1]) return "text";
    if (token[2]) return "parameter";
    if (token[3]) return "number";
    return kinds.get(token[4].toUpperCase()) ?? "unknown";
  }

  function colour() {
    const text = area.value;
    const parts = [];
    let at = 0;
    for (const token of text.matchAll(TOKEN)) {
      parts.push(text.slice(at, token.index));
      const marked = marks.find((mark) => mark >= token.index && mark < token.index + token[0].length);
      parts.push(make("span", { class: `${classOf(token)}${marked === undefined ? "" : " wrong"}` }, token[0]));
      at = token.index + token[0].length;
    }
    mirror.replaceChildren(...parts, text.slice(at), "\n");
    area.style.height = "auto";
    area.style.height = `${Math.max(area.scrollHeight + 2, 112)}px`;
  }

  function wordBefore() {
    const before = area.value.slice(0, area.selectionStart);
    const quoted = (before.match(/'/g) ?? []).length % 2 === 1;
    return quoted ? "" : (before.match(WORD_BEFORE)?.[0] ?? "");
  }

  function complete(word) {
    return kinds.has(word.toUpperCase()) || parameters().some((name) => `:${name}` === word);
  }

  function close() {
    offered = [];
    active = -1;
    list.hidden = true;
    area.setAttribute("aria-expanded", "false");
    area.removeAttribute("aria-activedescendant");
  }

  function offer(always) {
    const word = wordBefore();
    if (!always && (!word || complete(word))) return close();
    const own = parameters().map((name) => ({ label: `:${name}`, insert: `:${name}`, kind: "parameter", note: "parameter" }));
    offered = matches([...own, ...vocabulary], word);
    if (!offered.length) return close();
    list.replaceChildren(...offered.map(option));
    list.hidden = false;
    active = -1;
    area.setAttribute("aria-expanded", "true");
    area.removeAttribute("aria-activedescendant");
  }

  function option(entry, place) {
    const named = make("span", { class: `label ${entry.kind}` }, entry.label);
    const note = make("span", { class: "note" }, entry.note ?? "");
    const meaning = make("span", { class: "meaning" }, entry.meaning ?? "");
    const pick = (event) => {
      event.preventDefault();
      accept(place);
    };
    return make("li", { role: "option", id: `${listId}-${place}`, onmousedown: pick }, named, note, meaning);
  }

  function choose(place) {
    active = (place + offered.length) % offered.length;
    [...list.children].forEach((item, at) => item.setAttribute("aria-selected", String(at === active)));
    area.setAttribute("aria-activedescendant", `${listId}-${active}`);
    list.children[active].scrollIntoView({ block: "nearest" });
  }

  function accept(place) {
    const start = area.selectionStart - wordBefore().length;
    const entry = offered[place];
    area.setRangeText(entry.insert, start, area.selectionStart, "end");
    close();
    area.focus();
    told();
  }

  function told() {
    marks = [];
    colour();
    describe();
    changed();
  }

  function describe() {
    const before = area.value.slice(0, area.selectionStart).match(/[A-Za-z_]\w*$/)?.[0] ?? "";
    const after = area.value.slice(area.selectionStart).match(/^\w*/)[0];
    const entry = vocabulary.find((one) => one.label === before + after);
    about.replaceChildren();
    if (entry) about.append(make("b", {}, entry.label), ` ${entry.note ?? ""} · ${entry.meaning ?? ""}`);
    else if (offered.length) about.append("Tab takes the first, the arrow keys choose another, Escape closes the list.");
  }

  function pressed(event) {
    if ((event.ctrlKey || event.metaKey) && event.key === " ") {
      event.preventDefault();
      return offer(true);
    }
    if (!offered.length || event.shiftKey) return undefined;
    // Enter ends a line of the condition until somebody has moved into the list.
    if (event.key === "Enter" && active < 0) return close();
    const actions = {
      ArrowDown: () => choose(active + 1),
      ArrowUp: () => choose(Math.max(active, 0) - 1),
      Enter: () => accept(active),
      Tab: () => accept(Math.max(active, 0)),
      Escape: close,
    };
    if (!actions[event.key]) return undefined;
    event.preventDefault();
    event.stopPropagation();
    return actions[event.key]();
  }

  area.addEventListener("input", () => {
    offer(false);
    told();
  });
  area.addEventListener("keydown", pressed);
  area.addEventListener("keyup", describe);
  area.addEventListener("click", () => {
    close();
    describe();
  });
  area.addEventListener("blur", () => {
    close();
    describe();
  });
  area.addEventListener("scroll", () => {
    mirror.scrollTop = area.scrollTop;
  });

  function goTo(fault) {
    const at = offsetOf(area.value, fault.line, fault.column);
    area.focus();
    area.setSelectionRange(at, at);
    describe();
  }

  function faultItem(fault) {
    const place = fault.line ? `line ${fault.line}, column ${fault.column}` : "";
    const jump = place ? make("button", { type: "button", class: "place", onclick: () => goTo(fault) }, place) : null;
    const advice = fault.suggestion ? make("span", { class: "advice" }, ` Try: ${fault.suggestion}`) : null;
    const what = make("span", {}, fault.warning ? `Note: ${fault.message}` : fault.message);
    return make("li", { class: fault.warning ? "warning" : "fault" }, jump, what, advice);
  }

  return {
    area,
    node: make("div", { class: "editor" }, make("div", { class: "layers" }, mirror, area, list), about, faults),
    get text() {
      return area.value;
    },
    set text(value) {
      area.value = value;
      marks = [];
      close();
      colour();
    },
    refresh: colour,
    showFaults(found) {
      marks = found.filter((fault) => fault.line).map((fault) => offsetOf(area.value, fault.line, fault.column));
      area.setAttribute("aria-invalid", String(found.some((fault) => !fault.warning)));
      faults.replaceChildren(...found.map(faultItem));
      colour();
    },
  };
}
