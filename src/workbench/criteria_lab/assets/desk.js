// The desk: one form, its answers, its parameters, its hits, and the way to a saved draft.

const TYPING_PAUSE_MS = 150;
const IDLE_BEFORE_SWEEP_MS = 500;

function namedIn(text) {
  const names = text.replace(/'(?:[^']|'')*'/g, "").matchAll(/:([A-Za-z_]\w*)/g);
  return [...new Set([...names].map((match) => match[1]))];
}

function desk({ model, el }) {
  const facts = model.get("facts");
  const status = make("p", { class: "status", role: "status" });
  const results = resultsPanel();
  const choice = make("select", {});
  const id = make("input", { type: "text", maxlength: 64, spellcheck: "false" });
  const title = make("input", { type: "text", maxlength: 200 });
  const lane = make("select", {});
  const percentage = make("input", { type: "number", min: 0, max: 100, step: "any" });
  const reason = make("textarea", { rows: 3, maxlength: 500 });
  const owner = make("input", { type: "text", maxlength: 200 });
  const legalBasis = make("input", { type: "text", maxlength: 500 });
  const instruction = make("textarea", { rows: 2, maxlength: 500 });
  const [from, to] = ["start", "end"].map(() => make("input", { type: "date" }));
  const period = make("p", { class: "hint" });
  const saved = make("div", { class: "saved", role: "status" });
  const save = make("button", { type: "button", class: "primary", title: "Ctrl+S", "aria-keyshortcuts": "Control+S" }, "Save as draft");
  const changed = debounced(() => questions.ask(), TYPING_PAUSE_MS);
  const tuning = tuningPanel({ changed });
  const editor = conditionEditor({ vocabulary: facts.vocabulary, parameters: written, changed: edited });
  const hits = hitsPanel({ changed: () => pages.ask(), kinds: facts.kinds });
  let base = "";

  function written() {
    // A name that is still being typed is no parameter to offer: it has one place, and that is where the caret stands.
    const { value, selectionStart } = editor.area;
    const started = value.slice(0, selectionStart).match(/:\w*$/)?.[0].length ?? 0;
    return namedIn(value.slice(0, selectionStart - started) + value.slice(selectionStart));
  }

  function form() {
    const about = { owner: owner.value, legal_basis: legalBasis.value, instruction: instruction.value };
    const shown = { id: id.value, title: title.value, lane: lane.value, reason: reason.value, when: editor.text };
    return { ...shown, ...about, base, parameters: tuning.values(namedIn(editor.text)), hit_percentage: percentage.value };
  }

  function edited() {
    tuning.follow(namedIn(editor.text));
    changed();
  }

  function load(criterion) {
    base = criterion.base;
    id.value = criterion.id;
    title.value = criterion.title;
    lane.value = criterion.lane;
    percentage.value = criterion.hit_percentage;
    reason.value = criterion.reason;
    owner.value = criterion.owner;
    legalBasis.value = criterion.legal_basis;
    instruction.value = criterion.instruction;
    tuning.load(criterion.parameters);
    tuning.reset();
    tuning.follow(criterion.parameters.map((one) => one.name));
    editor.text = criterion.when;
    hits.restart();
    saved.replaceChildren();
    edited();
  }

  function listChoices() {
    const entries = model.get("criteria").map((one) => [one.base, one.base ? `${one.id}: ${one.title}` : one.title]);
    choices(choice, entries, base);
  }

  const questions = asker(model, "draft", "answer", {
    compose: () => ({ ...form(), page: hits.request() }),
    busy: (is) => el.classList.toggle("busy", is),
    silent: () => {
      status.textContent = "No answer yet: the kernel is busy or was restarted. Run the notebook's cells again.";
    },
    show(answer) {
      status.textContent = answer.status;
      editor.showFaults(answer.faults);
      if (answer.view) results.show(answer.view);
      else results.hide("Mend the condition to see what it finds.");
      hits.node.hidden = !answer.hits;
      if (answer.hits) hits.show(answer.hits);
      if (answer.view && namedIn(editor.text).length) sweep();
    },
  });
  const pages = asker(model, "page_asked", "page", {
    compose: () => hits.request(),
    busy: (is) => hits.node.classList.toggle("busy", is),
    silent: () => {},
    show: (answer) => hits.show(answer),
  });
  const sweeps = asker(model, "sweep_asked", "frontier", {
    compose: form,
    busy: () => {},
    silent: () => {},
    show: (answer) => tuning.showFrontier(answer),
  });
  const saving = asker(model, "save_asked", "saved", {
    compose: form,
    busy: (is) => {
      save.disabled = is;
    },
    silent: () => saved.replaceChildren(make("p", { class: "fault" }, "No answer yet. Look into the file before saving again.")),
    show(answer) {
      saved.replaceChildren(make("p", { class: answer.saved ? "good" : "fault" }, answer.message));
      if (answer.saved) {
        saved.append(make("p", {}, "Next, in a terminal:"), make("code", {}, answer.command));
        base = answer.base;
      }
      listChoices();
    },
  });
  const periods = asker(model, "period_asked", "period", {
    compose: () => ({ start: from.value, end: to.value }),
    busy: (is) => el.classList.toggle("busy", is),
    silent: () => {},
    show(answer) {
      showPeriod(answer);
      if (!answer.fault) questions.ask();
    },
  });
  const sweep = debounced(() => sweeps.ask(), IDLE_BEFORE_SWEEP_MS);

  function showPeriod({ start, end, first, last, text, fault }) {
    for (const [input, value] of [[from, start], [to, end]]) {
      input.min = first;
      input.max = last;
      if (value) input.value = value;
    }
    period.textContent = fault || text;
    period.classList.toggle("fault", Boolean(fault));
  }

  choices(lane, facts.lanes.map((one) => [one, one]), "yellow");
  choice.addEventListener("change", () => load(model.get("criteria").find((one) => one.base === choice.value)));
  save.addEventListener("click", () => saving.ask());
  for (const input of [from, to]) input.addEventListener("change", () => periods.ask());
  for (const input of [id, title, reason, owner, legalBasis, instruction]) input.addEventListener("input", changed);
  for (const input of [lane, percentage]) input.addEventListener("change", changed);
  el.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") {
      event.preventDefault();
      saving.ask();
    }
  });

  const heading = make("header", {}, make("h2", {}, facts.title), make("p", { class: "hint" }, facts.source));
  const span = make("fieldset", { class: "period" }, make("legend", {}, "Period of lodgement"), field("From", from), field("To", to), period);
  const names = make("div", { class: "names" }, field("Id", id), field("Lane", lane), field("Hit percentage", percentage));
  const condition = field("Condition", editor.area, facts.hint, editor.node);
  const responsibility = make(
    "details",
    { class: "responsibility" },
    make("summary", {}, "Owner, legal basis, instruction"),
    field("Owner", owner),
    field("Legal basis", legalBasis),
    field("Instruction to the examiner", instruction),
  );
  const write = make(
    "section",
    { class: "write" },
    field("Start from", choice),
    names,
    field("Title", title),
    condition,
    tuning.node,
    field("Reason shown to the officer", reason),
    responsibility,
    make("div", { class: "save" }, save, make("span", { class: "hint" }, facts.file)),
    saved,
  );
  el.classList.add("wb-desk");
  // JupyterLab hangs a listener on whatever a key was pressed in, which forbids line breaks and undoing inside a cell.
  el.addEventListener("beforeinput", (event) => event.stopPropagation(), { capture: true });
  el.replaceChildren(
    heading,
    span,
    make("div", { class: "columns" }, write, make("section", { class: "read", "aria-label": "Answers" }, status, results.node)),
    hits.node,
  );
  listChoices();
  showPeriod(model.get("period"));
  const asked = model.get("draft");
  const first = model.get("criteria").find((one) => one.base === model.get("opened")) ?? model.get("criteria")[0];
  load(asked.serial ? asked : first);
  choice.value = base;
  return () => [questions, pages, sweeps, saving, periods].forEach((one) => one.close());
}

export default { render: desk };
