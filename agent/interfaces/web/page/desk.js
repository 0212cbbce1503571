// The desk: buttons, faders, memories, presets and keys, built from the table of controls.
"use strict";

const REPEAT = 60; // ms between two messages of one fader
const TEXTS = ["section", "say", "add"]; // settings that have a place of their own
const WORDS = { say: "said", add: "added" }; // settings in words, and the fields in which they are typed

function build() {
  for (const place of document.querySelectorAll("[data-buttons]")) {
    for (const name of place.dataset.buttons.split(" ")) if (name in stage.table.controls) place.append(button(name));
  }
  const shown = $("sliders").dataset.settings.split(" ");
  for (const name of shown) if (name in stage.table.controls) $("sliders").append(fader(stage.table.controls[name]));
  for (const one of Object.values(stage.table.controls)) {
    if (one.setting && one.args.length === 1 && !TEXTS.includes(one.name) && !shown.includes(one.name)) $("others").append(fader(one));
    if (one.key && one.name !== "quit") $("keys").append(...describe(one)); // a stray key must not end a concert
  }
  bindRegion();
  bindSheet();
  $("record-input").onclick = () => record("input");
  $("record-self").onclick = () => record("self");
  $("pulse").addEventListener("pointerdown", (event) => { if (event.button === 0) act("tap"); });
  $("undo").onclick = () => send("undo");
  $("save").onclick = () => send("save", `live ${new Date().toISOString().slice(0, 19).replace(/[:T]/g, "-")}`);
  for (const [name, field] of Object.entries(WORDS)) {
    $(name).onsubmit = (event) => {
      event.preventDefault();
      send(name, $(field).value.trim()); // empty: nothing is wanted any more
      $(field).blur();
    };
  }
  $("toast").onclick = () => { $("toast").hidden = true; };
  document.addEventListener("keydown", press);
}

function button(name) {
  const about = stage.table.controls[name], made = document.createElement("button");
  made.dataset.name = name;
  made.title = about.meaning;
  made.append(name);
  if (about.key) made.append(element("kbd", keyName(about)));
  if (name in STATES) made.setAttribute("aria-pressed", "false");
  // A pointer that goes down is meant: on a stage nobody slides off a button to take it back.
  made.addEventListener("pointerdown", (event) => { if (event.button === 0) act(name); });
  made.addEventListener("click", (event) => { if (event.detail === 0) act(name); }); // the keyboard's
  return made;
}

function element(tag, text) {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

/** What a button or key of this control does; a toggle says what it wants, so that two hands do not undo each other. */
function act(name, ...args) {
  if (stage.table.controls[name].toggle && !args.length && !stage.learning) {
    const pressed = document.querySelector(`#transport [data-name="${name}"]`)?.getAttribute("aria-pressed") === "true";
    return send(name, pressed ? 0 : 1);
  }
  send(name, ...args);
}

// --- settings

function fader(about) {
  const made = element("div", ""), head = element("div", ""), label = element("label", (about.alias || about.name).replaceAll("_", " "));
  made.className = "setting";
  made.dataset.setting = about.name;
  made.title = about.meaning;
  label.htmlFor = `set-${about.name}`;
  head.append(label, element("output", "–"));
  made.append(head, about.args[0].choices.length ? choices(about) : slider(about));
  label.ondblclick = () => { if (about.default !== undefined) send(about.name, about.default); };
  return made;
}

function choices(about) {
  const row = element("div", "");
  row.className = "row";
  row.setAttribute("role", "group");
  for (const choice of about.args[0].choices) {
    const one = element("button", choice);
    one.setAttribute("aria-pressed", "false");
    one.onclick = () => { show(about.name, [choice]); send(about.name, choice); };
    row.append(one);
  }
  return row;
}

function slider(about) {
  const made = document.createElement("input"), arg = about.args[0], [low, high] = about.reach || [arg.low, arg.high];
  Object.assign(made, { type: "range", id: `set-${about.name}`, min: low, max: high, step: arg.kind === "i" ? 1 : (high - low) / 200 });
  made.oninput = () => {
    made.touched = performance.now();
    const value = arg.kind === "i" ? Math.round(made.value) : Number(Number(made.value).toFixed(3));
    write(made.parentElement, about, value);
    gently(made, () => send(about.name, value));
  };
  return made;
}

/** At most one message in REPEAT ms, and always the last one. */
function gently(element, say) {
  clearTimeout(element.timer);
  const wait = Math.max(0, (element.said || 0) + REPEAT - performance.now());
  element.timer = setTimeout(() => { element.said = performance.now(); say(); }, wait);
}

function show(name, values) {
  if (name === "section") {
    stage.section = values[0] ?? "";
    return showSections();
  }
  if (name in WORDS && document.activeElement !== $(WORDS[name])) $(WORDS[name]).value = values[0] ?? "";
  if (name === "region" && values.length === 2) return showRegion(values);
  const about = stage.table.controls[name], place = document.querySelector(`[data-setting="${CSS.escape(name)}"]`);
  if (!about || !place || !values.length) return;
  const input = place.querySelector("input");
  if (input && performance.now() - (input.touched || -1e9) < HOLD_STILL) return;
  if (input) input.value = values[0];
  for (const one of place.querySelectorAll("button")) one.setAttribute("aria-pressed", String(one.textContent === values[0]));
  write(place, about, values[0]);
}

function write(place, about, value) {
  const output = place.querySelector("output"), arg = about.args[0], input = place.querySelector("input");
  if (arg.choices.length) return void (output.textContent = "");
  output.textContent = arg.kind === "i" ? String(value) : Number(value).toFixed(Math.abs(arg.high - arg.low) > 20 ? 1 : 2);
  if (arg.unit) output.append(" ", element("small", arg.unit));
  input.style.setProperty("--at", `${100 * Math.max(0, Math.min(1, (value - input.min) / (input.max - input.min)))}%`);
}

function showRegion([low, high]) {
  const touched = Math.max($("from").touched || -1e9, $("to").touched || -1e9);
  if (performance.now() - touched < HOLD_STILL) return;
  $("from").value = Math.round(low * 1000);
  $("to").value = Math.round(high * 1000);
}

function bindRegion() {
  const from = $("from"), to = $("to"), least = 10; // thousandths: a region is never empty
  for (const input of [from, to]) {
    input.oninput = () => {
      input.touched = performance.now();
      if (input === from) from.value = Math.min(Number(from.value), Number(to.value) - least);
      else to.value = Math.max(Number(to.value), Number(from.value) + least);
      gently(from, () => send("region", ...region()));
    };
  }
}

// --- memories, takes, presets

function showMemories() {
  const row = $("memories"), known = stage.about.memories;
  if (row.children.length !== known.length) { // else they stay: a button is not taken from under a finger
    row.replaceChildren(...known.map((one, number) => {
      const made = element("button", "");
      made.onclick = () => send("memory", number);
      return made;
    }));
  }
  known.forEach((one, number) => {
    const shown = row.children[number];
    shown.textContent = one.name.split("/").pop();
    if (one.growing) shown.append(element("small", one.segments));
    shown.disabled = !one.segments;
    shown.title = `${one.name}: ${one.segments} segments, ${time(one.seconds)}`;
    shown.setAttribute("aria-pressed", String(one.name === stage.memory));
  });
  showSections();
}

/** A button for each section of the memory that plays; the one that is pressed is played from, pressed again none is. */
function showSections() {
  const row = $("sections"), known = stage.about?.memories.find((one) => one.name === stage.memory)?.sections ?? [];
  if (row.known !== known.join("\n")) { // else they stay: a button is not taken from under a finger
    row.known = known.join("\n");
    row.replaceChildren(...known.map((name) => {
      const made = element("button", name);
      made.onclick = () => send("section", stage.section === name ? "" : name);
      return made;
    }));
  }
  for (const one of row.children) one.setAttribute("aria-pressed", String(one.textContent === stage.section));
  row.hidden = !known.length;
}

function record(source) {
  const on = $(`record-${source}`).getAttribute("aria-pressed") === "true";
  send("record", on ? "off" : source);
}

function showTake(source) {
  for (const one of ["input", "self"]) $(`record-${one}`).setAttribute("aria-pressed", String(one === source));
}

function showPresets() {
  const names = [...new Set(["1", "2", "3", ...stage.about.presets])], arm = element("button", "store");
  arm.className = "arm";
  arm.setAttribute("aria-pressed", String(stage.arming));
  arm.onclick = () => { stage.arming = !stage.arming; showPresets(); };
  $("presets").classList.toggle("armed", stage.arming);
  $("presets").replaceChildren(arm, ...names.map((name) => {
    const made = element("button", /^\d+$/.test(name) ? `P${name}` : name), kept = stage.about.presets.includes(name);
    made.disabled = !kept && !stage.arming;
    made.onclick = () => {
      send(stage.arming ? "preset/save" : "preset/recall", name);
      stage.arming = false;
      showPresets();
    };
    return made;
  }));
}

// --- the sheet and the keys

function bindSheet() {
  $("more").onclick = () => $("sheet").showModal();
  $("scenario").onsubmit = (event) => {
    event.preventDefault();
    send("scenario/next", ...$("labels").value.trim().split(/[\s,]+/).filter(Boolean).map(Number));
  };
  $("clear").onclick = () => send("scenario/clear");
  $("learn").onclick = () => { $("sheet").close(); learn(true); };
}

function learn(on) {
  stage.learning = on;
  if (on) toast("Touch the control that a pedal is to do.", true);
  else toast("Now move the pedal, key or fader.", true);
}

function describe(about) {
  return [element("dt", keyName(about)), element("dd", `${about.name}: ${about.meaning}`)];
}

const keyName = (about) => about.key.replace("escape", "esc");

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.target.matches("input:not([type=range])")) return;
  const key = event.key.toLowerCase(), digit = "123456789".indexOf(key);
  if ($("sheet").open && key !== "escape") return;
  const about = Object.values(stage.table.controls).find((one) => one.key && (one.key === key || (one.key === "1-9" && digit >= 0)));
  if (!about || about.name === "quit") return;
  event.preventDefault();
  if (about.key === "1-9") act(about.name, digit);
  else if (about.name === "record") record(["input", "self"].find((one) => $(`record-${one}`).getAttribute("aria-pressed") === "true") || "input");
  else act(about.name);
}

async function main() {
  stage.table = await (await fetch("/table.json")).json();
  build();
  showPresets();
  connect();
  requestAnimationFrame(draw);
}

main();
