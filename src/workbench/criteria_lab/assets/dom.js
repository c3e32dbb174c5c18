// Elements are made by name and text only: declarations hold what strangers wrote, and none of it may become markup.

const SVG = "http://www.w3.org/2000/svg";
const FOCUSABLE = "input, select, textarea, button, summary, [tabindex]";
let lastId = 0;

function uid(stem) {
  lastId += 1;
  return `wb-${stem}-${lastId}`;
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  // JupyterLab takes single keys (x cuts the cell) from whatever has the focus, unless that very element says no.
  if (node.matches(FOCUSABLE)) node.setAttribute("data-lm-suppress-shortcuts", "true");
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

function make(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function draw(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function field(label, control, hint, body = control) {
  control.id ||= uid("field");
  const note = hint ? make("span", { class: "hint", id: `${control.id}-hint` }, hint) : null;
  if (note) control.setAttribute("aria-describedby", note.id);
  return make("div", { class: "field" }, make("label", { for: control.id }, label), body, note);
}

function choices(select, entries, chosen) {
  select.replaceChildren(...entries.map(([value, text]) => make("option", { value, selected: value === chosen }, text)));
}

function debounced(action, milliseconds) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(action, milliseconds);
  };
}

// One question at a time is with the kernel. What is asked meanwhile waits, and of that only the last is asked:
// a fast typist never queues up work, and the answer that stays is that of the last edit.
function asker(model, question, answer, { compose, show, busy, silent, patience = 20000 }) {
  let serial = 0;
  let open = 0;
  let again = false;
  let watch = 0;

  function ask() {
    if (open) {
      again = true;
      return;
    }
    serial = Math.max(serial, Date.now()) + 1;
    open = serial;
    again = false;
    busy(true);
    clearTimeout(watch);
    watch = setTimeout(() => {
      open = 0;
      busy(false);
      silent();
    }, patience);
    model.set(question, { ...compose(), serial });
    model.save_changes();
  }

  function hear() {
    const found = model.get(answer);
    if (found.serial !== open) return;
    open = 0;
    clearTimeout(watch);
    show(found);
    if (again) ask();
    else busy(false);
  }

  model.on(`change:${answer}`, hear);
  return {
    ask,
    close() {
      clearTimeout(watch);
      model.off(`change:${answer}`, hear);
    },
  };
}
