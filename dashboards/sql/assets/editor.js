// A text field that completes names. What was typed goes to the page when the field is left, or with Ctrl+Enter.
const WORD = /[\p{L}\p{N}_]*$/u;
const MOST = 7;

function start(root) {
  const field = document.createElement("textarea");
  field.spellcheck = false;
  field.autocapitalize = "off";
  field.setAttribute("aria-autocomplete", "list");
  field.setAttribute("aria-controls", "names");
  const list = document.createElement("div");
  list.className = "list";
  list.id = "names";
  list.setAttribute("role", "listbox");
  root.append(field, list);
  const editor = {root, field, list, found: [], at: 0, told: null, names: [], send: () => {}, run: () => {}};
  field.addEventListener("input", () => suggest(editor));
  field.addEventListener("keydown", (event) => key(editor, event));
  field.addEventListener("click", () => close(editor));
  field.addEventListener("blur", () => {
    close(editor);
    tell(editor);
  });
  return editor;
}

function tell(editor) {
  if (editor.field.value === editor.sent) return;
  editor.sent = editor.field.value;
  editor.send(editor.field.value);
}

function before(editor) {
  return editor.field.value.slice(0, editor.field.selectionStart);
}

function suggest(editor, always = false) {
  const text = before(editor);
  const word = WORD.exec(text)[0].toLowerCase();
  const dotted = /([\p{L}\p{N}_]+)\.[\p{L}\p{N}_]*$/u.exec(text);
  if (!word && !dotted && !always) return close(editor);
  let names = editor.names;
  if (dotted) {
    const table = tableOf(editor, dotted[1]);
    names = names.filter((one) => one.kind === "column" && (!table || one.tables.includes(table)));
  }
  // Columns of tables that stand in the text come before those of others.
  const written = new Set(editor.field.value.toLowerCase().match(/[\p{L}\p{N}_]+/gu) || []);
  const isNear = (one) => one.kind !== "column" || one.tables.some((table) => written.has(table));
  const rank = (one) => (one.name.toLowerCase().startsWith(word) ? 0 : 2) + (isNear(one) ? 0 : 1);
  editor.found = names
    .filter((one) => one.name.toLowerCase().includes(word) && one.name.toLowerCase() !== word)
    .sort((one, other) => rank(one) - rank(other))
    .slice(0, MOST);
  editor.at = 0;
  editor.found.length ? show(editor) : close(editor);
}

// The table itself, or the one that the text gives this name to: "fct_stay AS s".
function tableOf(editor, name) {
  const tables = editor.names.filter((one) => one.kind === "table").map((one) => one.name);
  if (tables.includes(name)) return name;
  for (const [, table, alias] of editor.field.value.matchAll(/([\p{L}\p{N}_]+)\s+(?:as\s+)?([\p{L}\p{N}_]+)/giu)) {
    if (alias === name && tables.includes(table)) return table;
  }
  return null;
}

function show(editor) {
  const lines = before(editor).split("\n");
  editor.list.replaceChildren(...editor.found.map((one, index) => {
    const option = document.createElement("div");
    option.setAttribute("role", "option");
    option.id = `name_${index}`;
    option.setAttribute("aria-selected", String(index === editor.at));
    const name = document.createElement("b"), words = document.createElement("span");
    name.textContent = one.name;
    words.textContent = one.words;
    option.append(name, words);
    option.addEventListener("mousedown", (event) => {
      event.preventDefault();
      editor.at = index;
      take(editor);
    });
    return option;
  }));
  editor.field.setAttribute("aria-activedescendant", `name_${editor.at}`);
  const top = Math.min(lines.length * 20 + 12 - editor.field.scrollTop, editor.field.clientHeight - 10);
  editor.list.style.top = `${top}px`;
  editor.list.style.left = `${Math.min(12 + lines.at(-1).length * 8.4, editor.field.clientWidth - 290)}px`;
  editor.list.style.display = "block";
}

function close(editor) {
  editor.found = [];
  editor.list.style.display = "none";
  editor.field.removeAttribute("aria-activedescendant");
}

function take(editor) {
  const chosen = editor.found[editor.at];
  if (!chosen) return;
  const word = WORD.exec(before(editor))[0];
  const end = editor.field.selectionStart;
  editor.field.setRangeText(chosen.name, end - word.length, end, "end");
  close(editor);
}

function key(editor, event) {
  const isOpen = editor.found.length > 0;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    close(editor);
    editor.sent = editor.field.value;
    editor.run(editor.field.value);
  } else if (event.key === " " && event.ctrlKey) {
    event.preventDefault();
    suggest(editor, true);
  } else if (isOpen && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    event.preventDefault();
    const step = event.key === "ArrowDown" ? 1 : -1;
    editor.at = (editor.at + step + editor.found.length) % editor.found.length;
    show(editor);
  } else if (isOpen && (event.key === "Enter" || event.key === "Tab")) {
    event.preventDefault();
    take(editor);
  } else if (isOpen && event.key === "Escape") {
    event.preventDefault();
    close(editor);
  }
}

const shown = new WeakMap();

export default function (component) {
  const {data, parentElement, setStateValue, setTriggerValue} = component;
  const root = parentElement.querySelector(".editor");
  let editor = shown.get(root);
  if (!editor) {
    editor = start(root);
    shown.set(root, editor);
  }
  editor.names = data.names;
  editor.send = (text) => setStateValue("text", text);
  editor.run = (text) => setTriggerValue("run", text);
  editor.field.setAttribute("aria-label", data.label);
  editor.field.placeholder = data.hint;
  editor.field.style.height = `${data.height}px`;
  // The page put another text here: a kept query, an example.
  if (editor.told !== data.given) {
    editor.told = data.given;
    editor.field.value = data.text;
    editor.sent = data.text;
    close(editor);
  }
}
