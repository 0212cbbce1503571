// The stage page: what the agent tells is kept in `stage`, shown by the functions below, and a touch is one message.
// Controls, their ranges and meanings come from /table.json, made from agent/control/table.py: nothing is written twice.
"use strict";

const $ = (id) => document.getElementById(id);
const STATES = { mute: "muted", hold: "held", listen: "listening", stop: "stopped", play: "playing" };
const KEPT = 96; // hops of the score that are remembered
const SILENT_FOR = 3000; // ms without a word, and the agent counts as gone
const FRESH = 3000; // ms that a score of how both fit is shown, or longer where scores are rarer
const BEAT_LIT = 110; // ms that a beat is lit
const HOLD_STILL = 500; // ms after the last touch in which a fader does not follow the agent

const stage = {
  table: { controls: {}, reports: {} },
  about: { silence: 64, hop: 0.5, memories: [], shapes: 0, presets: [] },
  snap: {}, flags: {}, heard: new Map(), events: new Map(), plan: { hop: 0, labels: [] },
  playing: null, last: null, jumps: [], likes: [], memory: "", section: "", wanted: "", wave: null, picture: null,
  clock: { hop: 0, at: 0 }, fitted: 0, learning: false, arming: false,
};
let socket = null, spoken = 0, retry = 250;

// --- the connection

function connect() {
  socket = new WebSocket(`ws://${location.host}/ws`);
  socket.onmessage = (message) => {
    spoken = performance.now();
    retry = 250;
    for (const [name, ...values] of JSON.parse(message.data)) hear[name]?.(...values);
  };
  socket.onclose = () => {
    gone();
    setTimeout(connect, retry);
    retry = Math.min(2000, retry * 2);
  };
}

function gone() {
  if (document.body.dataset.state !== "gone") $("gone").lastElementChild.textContent = `since ${new Date().toLocaleTimeString()}: trying again …`;
  setState("gone");
  stage.playing = null;
}

/** One control and its arguments to the agent, or, while learning, the control to the next pedal. */
function send(name, ...args) {
  if (stage.learning) {
    learn(false);
    return send("midi/learn", name, ...args.map(String));
  }
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify([name, ...args]));
}

// --- what the agent tells, by the names of its reports

const hear = {
  about(about) {
    Object.assign(stage.about, about);
    showMemories();
    showPresets();
    fetchWave();
  },
  snapshot(snap) {
    stage.snap = snap;
    $("coherence").hidden = !snap.meter;
    if (!snap.state) return;
    setState(snap.state);
    Object.assign(stage.flags, snap.toggles);
    for (const [name, value] of Object.entries(snap.settings || {})) show(name, [value].flat());
    showTake(snap.recording);
    if (snap.latency) hear.latency(snap.latency.hop, snap.latency.slack, snap.latency.in, snap.latency.out, snap.latency.total);
    count("missed", snap.missed);
    count("xruns", snap.xruns);
    choose(snap.memory);
    showFlags();
  },
  status(state, hop, p50, p99, missed, xruns, memory) {
    setState(state);
    $("mind").children[1].textContent = `${p50.toFixed(0)} · ${p99.toFixed(0)}`;
    $("where").textContent = `${time(hop * stage.about.hop)}  ${memory}`;
    count("missed", missed);
    count("xruns", xruns);
  },
  heard(hop, label, level) {
    if (hop < stage.clock.hop - 2) for (const kept of [stage.heard, stage.events]) kept.clear(); // another engine
    stage.heard.set(hop, { label, level });
    const now = hopNow();
    const ahead = hop + 1 - now; // the clock is led, not set, or the score would stutter with every late packet
    stage.clock = { hop: Math.abs(ahead) > 1 ? hop + 1 : now + 0.3 * ahead, at: performance.now() };
    for (const kept of [stage.heard, stage.events]) for (const n of kept.keys()) if (n < hop - KEPT) kept.delete(n);
  },
  plan(hop, ...labels) {
    stage.plan = { hop, labels };
  },
  event(hop, why, segment, label, match, run, position, duration, gain, memory, lead) {
    const decided = { label, why };
    stage.events.set(hop, decided);
    setTimeout(() => stage.events.get(hop) === decided && sound({ why, segment, label, match, run, position, duration, memory }), Math.max(0, Math.min(lead, 5) * 1000));
  },
  meter(input, output) {
    showMeter("meter-in", input);
    showMeter("meter-out", output);
  },
  latency(hop, slack, input, output, total) {
    $("latency").children[1].textContent = `${total.toFixed(0)} ms`;
    $("latency").children[2].textContent = `hop ${hop.toFixed(0)} + slack ${slack.toFixed(0)} + device ${input.toFixed(0)} + ${output.toFixed(0)}`;
  },
  pulse(lead, bpm, phase, confidence, source) {
    showBeat(lead, bpm, confidence, source);
  },
  missed: (total) => count("missed", total),
  xruns: (total) => count("xruns", total),
  coherence(position, ...scores) {
    stage.fitted = performance.now();
    showFit(position, scores);
  },
  fit(inTune, inTime) {
    showMeasured("in-tune", inTune);
    showMeasured("in-time", inTime);
  },
  changed(name, ...values) {
    if (name in STATES && values.length) stage.flags[name] = Number(values[0]);
    if (name === "like" && stage.last) stage.likes.push({ memory: stage.last.memory, at: stage.last.position });
    if (name === "memory") choose(values[0]);
    if (name === "record") showTake(values[0]);
    if (name.startsWith("preset/") && values[0] && !stage.about.presets.includes(values[0])) stage.about.presets.push(values[0]);
    if (name.startsWith("preset/") || name === "save") toast(`${name.replace("preset/", "preset ")} ${values.join(" ")}`, true);
    document.querySelectorAll(`[data-name="${CSS.escape(name)}"]`).forEach(flash);
    show(name, values.flat());
    showFlags();
  },
  device: (state, name) => toast(state === "lost" ? `sound device ${name} lost: waiting for it` : `sound device ${name}: here again`, state !== "lost"),
  midi: (message, control) => toast(`${message}: ${control}`, true),
  error: (sentence) => toast(sentence, false),
};

/** What was decided now begins to sound. */
function sound(event) {
  const before = stage.last, silent = event.segment < 0, seconds = memorySeconds();
  const jumped = before && !silent && event.segment !== before.segment + 1 && event.memory === before.memory;
  if (jumped && seconds) {
    const from = (before.position + before.duration) / seconds;
    stage.jumps.push({ from, to: event.position / seconds, label: event.label, at: performance.now() });
    if (stage.jumps.length > 16) stage.jumps.shift();
  }
  stage.playing = silent ? null : { ...event, at: performance.now() };
  if (!silent) stage.last = event;
  const reason = $("reason");
  reason.textContent = event.why;
  reason.className = event.why.length > 7 ? "long" : "";
  reason.style.color = event.why === "late" ? RED : colour(event.label, stage.about);
  $("detail").textContent = silent ? "silence" : `plays ${event.label} · ${time(event.position)}`;
  $("facts").textContent = silent ? "" : `match ${event.match} · run ${event.run}`;
}

/** The memory that is played from now on. */
function choose(name) {
  if (name === undefined || name === stage.memory) return;
  stage.memory = name;
  Object.assign(stage, { wave: null, picture: null, jumps: [], last: null, wanted: "" });
  showMemories();
  fetchWave();
}

// --- showing

const time = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
const memoryNumber = () => stage.about.memories.findIndex((one) => one.name === stage.memory);
const memorySeconds = () => stage.about.memories[memoryNumber()]?.seconds || 0;

function hopNow() {
  const gone = (performance.now() - stage.clock.at) / 1000 / stage.about.hop;
  return stage.clock.hop + Math.min(gone, 2.5);
}

function setState(state) {
  document.body.dataset.state = state;
  $("word").textContent = state;
  document.title = `Antiphon: ${state}`;
  showFlags();
}

function showFlags() {
  const state = document.body.dataset.state;
  for (const button of document.querySelectorAll("#transport button[aria-pressed]")) {
    const name = button.dataset.name, flag = stage.table.controls[name]?.toggle ? stage.flags[name] : undefined;
    button.setAttribute("aria-pressed", String(flag === undefined ? STATES[name] === state : Boolean(flag)));
  }
}

function showMeter(id, level) {
  const share = Math.max(0, Math.min(1, (level + 60) / 60)), meter = $(id), now = performance.now();
  if (!(meter.peak > share) || now - meter.since > 1500) Object.assign(meter, { peak: share, since: now });
  meter.children[1].children[0].style.transform = `scaleX(${1 - share})`;
  meter.children[1].children[1].style.left = `calc(${meter.peak * 100}% - 3px)`;
  meter.children[2].textContent = level <= -99 ? "–∞" : level.toFixed(0);
}

/** The beat: tempo and source, and a light on each beat up to the next report, which comes with the next hop. */
function showBeat(lead, bpm, confidence, source) {
  const field = $("pulse"), [tempo, from] = field.children;
  (field.timers || []).forEach(clearTimeout);
  field.timers = [];
  field.style.setProperty("--sure", Math.min(1, 0.25 + 1.5 * confidence));
  tempo.textContent = source ? bpm.toFixed(0) : "–";
  from.textContent = source || "no beat";
  const light = () => {
    field.classList.add("on");
    setTimeout(() => field.classList.remove("on"), BEAT_LIT);
  };
  for (let at = lead; source && at < lead + 60 / bpm + 2 * stage.about.hop; at += 60 / bpm) {
    field.timers.push(setTimeout(light, Math.max(0, at * 1000)));
  }
}

/** Where between strangers and partners; without a calibration the score alone, without scores neither. */
function showFit(position = -1, scores = []) {
  const fit = $("coherence"), [middle, harmonic, percussive] = fit.querySelectorAll("b"), [both, ...parts] = scores;
  const known = position >= 0;
  fit.classList.toggle("known", known);
  fit.style.setProperty("--at", known ? Math.min(1, position) : 0);
  middle.textContent = both === undefined ? "–" : known ? position.toFixed(2) : both.toFixed(1);
  [harmonic, percussive].forEach((shown, n) => { shown.textContent = parts[n] ? parts[n].toFixed(1) : "–"; });
}

/** A measured score, -1 to 1; -1 is unknown. */
function showMeasured(id, value = -1) {
  const known = value > -1, shown = $(id);
  shown.textContent = known ? value.toFixed(2) : "–";
  shown.classList.toggle("good", known && value >= 0.5);
}

function count(id, total) {
  if (total === undefined) return;
  const fact = $(id);
  if (Number(fact.children[1].textContent) < total) {
    fact.classList.add("bad");
    clearTimeout(fact.timer);
    fact.timer = setTimeout(() => fact.classList.replace("bad", "worn"), 5000);
  } else if (total === 0) fact.className = "fact";
  fact.children[1].textContent = total;
}

function toast(sentence, mild) {
  const shown = $("toast");
  shown.textContent = sentence;
  shown.className = mild ? "mild" : "";
  shown.hidden = false;
  clearTimeout(shown.timer);
  shown.timer = setTimeout(() => { shown.hidden = true; }, mild ? 2500 : 9000);
}

function flash(element) {
  element.classList.remove("flash");
  void element.offsetWidth; // begins the animation anew
  element.classList.add("flash");
}

async function fetchWave() {
  const number = memoryNumber(), size = stage.about.memories[number]?.segments, wanted = `${number} ${size}`;
  if (!size || stage.wanted === wanted) return;
  stage.wanted = wanted;
  const points = Math.max(100, Math.min(700, Math.round($("wave").clientWidth / 2)));
  const answer = await fetch(`/waveform/${number}/${points}`).catch(() => null);
  if (!answer?.ok || stage.wanted !== wanted) return;
  stage.wave = await answer.json();
  stage.picture = null;
}

function region() {
  return [Number($("from").value) / 1000, Number($("to").value) / 1000];
}

let drawn = 0;
function draw(now) {
  requestAnimationFrame(draw);
  if (now - drawn < 45) return; // 20 a second are enough to the eye, and the sound needs this machine more
  drawn = now;
  if (stage.fitted && now - stage.fitted > Math.max(FRESH, 2500 * stage.snap.meter)) {
    stage.fitted = 0;
    showFit();
    hear.fit();
  }
  if (document.body.dataset.state !== "gone" && now - spoken > SILENT_FOR) socket?.close();
  const slack = (stage.snap.latency?.slack || 0) / 1000 / stage.about.hop;
  drawScore($("timeline"), { ...stage, now: hopNow(), slack, fromDb: -60 });
  const wave = $("wave"), { width, height } = { width: wave.clientWidth - 2 * EDGE, height: wave.clientHeight * 0.56 - 8 };
  if (stage.wave?.peaks.length && (stage.picture?.size !== width * 1e5 + height)) {
    stage.picture = paintWave(stage.wave, stage.about, width, height);
    stage.picture.size = width * 1e5 + height;
  }
  const seconds = memorySeconds(), sounding = stage.playing && now - stage.playing.at < 1500 * stage.playing.duration;
  const playing = sounding && seconds && stage.playing.memory === stage.memory ? {
    from: stage.playing.position / seconds, to: (stage.playing.position + stage.playing.duration) / seconds,
    done: Math.min(1, (now - stage.playing.at) / 1000 / stage.playing.duration),
  } : null;
  const likes = stage.likes.filter((one) => one.memory === stage.memory && seconds).map((one) => one.at / seconds);
  const name = `${stage.memory.split("/").pop()}  ${time(seconds)}`;
  drawMemory(wave, { ...stage, region: stage.section ? stage.snap.region : region(), playing, likes, name, clock: now });
}
