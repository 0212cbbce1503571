// What is drawn: the score of what was heard, played and planned, and the memory. No state but what is handed in.
"use strict";

const TEXT = "#f3f5f7", DIM = "#a3adb9", LINE = "#333d49", PANEL = "#14181d", RED = "#ff5c5c", BLUE = "#6cb6ff";
const PAST = 18; // hops of the score that lie behind now
const EDGE = 22; // px, half a handle of the region: the memory begins and ends where its handles can stand
const MARK = { jump: "↷", nearest: "≈", late: "!", "carry on": "→", fade: "↘", hold: "‖" };
const FONT = "system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif";

/** Colour of a label: around the circle of fifths where labels know pitch classes, else as far apart as can be. */
function colour(label, about, alpha = 1) {
  if (label < 0 || label >= about.silence) return `rgba(110, 122, 136, ${alpha})`;
  const turning = label < 12 * (about.shapes || 0);
  const hue = turning ? ((label % 12) * 7 % 12) * 30 : (label * 137.508) % 360;
  const light = turning ? 0.62 + 0.05 * (Math.floor(label / 12) % 5) : 0.66 + 0.06 * (label % 3);
  return `oklch(${light} 0.15 ${hue} / ${alpha})`;
}

/** The canvas's context, its size in CSS pixels, cleared; null while it has no size. */
function begin(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas, scale = window.devicePixelRatio || 1;
  if (!width || !height) return null;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const g = canvas.getContext("2d");
  g.setTransform(scale, 0, 0, scale, 0, 0);
  g.clearRect(0, 0, width, height);
  return { g, width, height };
}

function box(g, x, y, width, height, fill) {
  g.beginPath();
  g.roundRect(x, y, Math.max(1, width), height, Math.min(5, width / 3));
  if (fill) g.fill(); else g.stroke();
}

function word(g, text, x, y, size, fill, align = "center") {
  g.font = `700 ${size}px ${FONT}`;
  g.textAlign = align;
  g.textBaseline = "middle";
  g.fillStyle = fill;
  g.fillText(text, x, y);
}

/** A name that stays readable on whatever runs behind it. */
function title(g, text, x, y) {
  g.font = `700 17px ${FONT}`;
  g.fillStyle = "rgba(20, 24, 29, .85)";
  g.fillRect(x - 6, y - 11, g.measureText(text).width + 12, 22);
  word(g, text, x, y, 17, DIM, "left");
}

/** Heard above, played below, the plan to the right of now; one hop is one column, `now` a hop with its fraction. */
function drawScore(canvas, { about, heard, events, plan, slack, now, fromDb }) {
  const at = begin(canvas);
  if (!at) return;
  const { g, width, height } = at, ahead = Math.min(9, plan.labels.length + 0.6);
  const hop = width / (PAST + ahead), line = hop * PAST;
  const x = (n) => line + (n - now) * hop, top = 26, middle = height / 2, size = Math.min(34, hop * 0.52);
  const first = Math.floor(now - line / hop) - 1;
  g.fillStyle = "#0f1317";
  g.fillRect(line, 0, width - line, height);

  const you = middle - 6 - top, written = hop >= 26;
  for (let n = first; n <= now; n++) {
    const one = heard.get(n);
    if (!one) continue;
    const loud = Math.max(0, Math.min(1, (one.level - fromDb) / -fromDb)), tall = one.label >= about.silence ? 4 : 8 + loud * (you - 8);
    g.fillStyle = colour(one.label, about);
    box(g, x(n) + 1.5, middle - 6 - tall, hop - 3, tall, true);
    if (written && one.label < about.silence) word(g, one.label, x(n + 0.5), middle - 6 - Math.min(tall / 2, tall - 2), Math.min(size, tall), "#000");
  }
  const y = middle + 22, tall = height - y - 6;
  for (let n = first; n <= now + plan.labels.length + 2; n++) {
    const left = x(n + slack), event = events.get(n), label = event ? event.label : plan.labels[n - plan.hop];
    if (label === undefined || (!event && n < plan.hop)) continue;
    const silent = label < 0 || label >= about.silence, high = silent ? 4 : tall, lies = y + tall - high;
    g.fillStyle = g.strokeStyle = colour(label, about);
    g.lineWidth = 2.5;
    if (event) box(g, left + 1.5, lies, hop - 3, high, true);
    else { g.setLineDash(silent ? [2, 4] : []); box(g, left + 3, lies + 1, hop - 6, high - 2, false); g.setLineDash([]); }
    if (written && !silent) word(g, label, left + hop / 2, y + tall / 2, size, event ? "#000" : TEXT);
    if (event && MARK[event.why]) word(g, MARK[event.why], left + hop / 2, middle + 10, 20, event.why === "late" ? RED : DIM);
  }
  g.fillStyle = LINE;
  g.fillRect(0, middle - 4, width, 2);
  title(g, "YOU", 12, 14);
  title(g, "ANTIPHON", 12, middle + 11);
  title(g, "PLAN", line + 10, 14);
  g.fillStyle = TEXT;
  g.fillRect(line - 1.5, 0, 3, height);
}

/** The memory's waveform, once for each size: coloured by label. */
function paintWave(wave, about, width, height) {
  const picture = document.createElement("canvas"), scale = window.devicePixelRatio || 1;
  picture.width = Math.max(1, width * scale);
  picture.height = Math.max(1, height * scale);
  const g = picture.getContext("2d"), points = wave.peaks.length, loudest = Math.max(0.02, ...wave.peaks);
  g.scale(scale, scale);
  wave.peaks.forEach((peak, i) => {
    const tall = Math.max(2, Math.sqrt(peak / loudest) * height);
    g.fillStyle = colour(wave.labels[i] ?? -1, about);
    g.fillRect(i * width / points, (height - tall) / 2, Math.max(1, width / points - 0.4), tall);
  });
  return picture;
}

/** Waveform, region, the segment that sounds, jumps as arcs, liked places as stars. Places are shares of the memory. */
function drawMemory(canvas, { about, picture, region, playing, jumps, likes, name, clock }) {
  const at = begin(canvas);
  if (!at) return;
  const { g, width, height } = at, wide = width - 2 * EDGE, top = height * 0.44, tall = height - top - 8;
  const x = (share) => EDGE + share * wide;
  if (picture) g.drawImage(picture, EDGE, top, wide, tall);
  g.fillStyle = "rgba(20, 24, 29, .82)";
  g.fillRect(EDGE - 2, top, x(region[0]) - EDGE + 2, tall);
  g.fillRect(x(region[1]), top, width - x(region[1]), tall);
  for (const jump of jumps) {
    const age = (clock - jump.at) / 8000, from = x(jump.from), to = x(jump.to), span = Math.abs(to - from);
    if (age >= 1) continue;
    g.globalAlpha = (1 - age) ** 1.5;
    g.lineWidth = age < 0.06 ? 5 : 2.5;
    g.strokeStyle = g.fillStyle = colour(jump.label, about);
    g.beginPath();
    g.moveTo(from, top);
    const peak = top - Math.min(top - 6, 16 + span * 0.35) * 1.3;
    g.bezierCurveTo(from, peak, to, peak, to, top);
    g.stroke();
    g.beginPath();
    g.moveTo(to - 6, top - 9);
    g.lineTo(to + 6, top - 9);
    g.lineTo(to, top + 1);
    g.fill();
    g.globalAlpha = 1;
  }
  title(g, name, EDGE + 14, 14);
  for (const share of likes) word(g, "★", x(share), top - 4, 22, "#ffc53d");
  if (!playing) return;
  const from = x(playing.from), to = x(playing.to), head = x(playing.from + (playing.to - playing.from) * playing.done);
  g.fillStyle = "rgba(255, 255, 255, .22)";
  g.fillRect(from, top - 4, Math.max(3, to - from), tall + 10);
  g.fillStyle = TEXT;
  g.fillRect(head - 2, top - 8, 4, tall + 16);
}
