// Antiphon from Node.js, and inside Max from [node.script antiphon.mjs]: the same names in both.
//
//   import { Antiphon } from './antiphon.mjs';
//   const agent = new Antiphon();
//   agent.on('event', ({ hop, why, position, lead }) => ...);
//   await agent.send('temperature', 0.7);
//
// As a program: node antiphon.mjs [--host H] [--port N] [--receive N]; lines typed are controls, lines printed are reports.
// In Max: messages to the object are controls (temperature 0.7), its outlet gives reports (event 12 jump 3 ...).

import { createSocket } from 'node:dgram';
import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { decode, encode, Message } from 'node-osc';

export const TABLE = JSON.parse(readFileSync(new URL('./table.json', import.meta.url), 'utf8'));
const DAY = 86400;
const AGAIN = 1000; // ms between two subscriptions: the agent may be started later
const GONE = 3000; // ms without a heartbeat

/** A value with the OSC type the table asks for: JavaScript does not tell 1 from 1.0. */
function typed(arg, value) {
  if (typeof value === 'boolean') return { type: 'integer', value: Number(value) };
  if (typeof value === 'number') {
    const whole = arg?.kind !== 'f' && Number.isInteger(value);
    return { type: whole ? 'integer' : 'float', value };
  }
  return { type: 'string', value: String(value) };
}

/** The values of a report by their names; a date becomes a Date, what may be many becomes a list. */
export function named(fields, values) {
  const rest = [...values];
  const found = {};
  for (const field of fields) {
    if (field.many) found[field.name] = rest.splice(0);
    else if (field.kind === 'd') {
      const [day, second, micro] = rest.splice(0, 3);
      found[field.name] = new Date((day * DAY + second) * 1000 + micro / 1000);
    } else found[field.name] = rest.shift();
  }
  return found;
}

/** The agent, as a script sees it: `send` a control, `on` a report. One socket to send and to hear. */
export class Antiphon extends EventEmitter {
  constructor({ host = '127.0.0.1', port = 9000, receive = 0 } = {}) {
    super();
    this.host = host;
    this.port = port;
    this.state = {}; // the newest value of every control
    this.seen = 0;
    this.socket = createSocket('udp4');
    this.socket.on('message', (packet) => this.heard(packet));
    this.socket.on('error', (error) => this.emit('trouble', error));
    this.socket.bind(receive, () => this.subscribe()); // 0: any free port
    this.beat = setInterval(() => this.subscribe(), AGAIN);
  }

  /** A control by its name, with its values; refused here if there is none of that name. */
  async send(name, ...values) {
    const control = TABLE.controls[name];
    if (!control) throw new RangeError(`there is no control '${name}'`);
    const message = new Message(TABLE.root + name);
    values.forEach((value, n) => message.append(typed(control.args[Math.min(n, control.args.length - 1)], value)));
    const packet = encode(message);
    await new Promise((done, failed) => {
      this.socket.send(packet, this.port, this.host, (error) => (error ? failed(error) : done()));
    });
  }

  subscribe() {
    const port = this.socket.address().port;
    return this.send('subscribe', port, ...Object.keys(TABLE.reports)).catch((error) => this.emit('trouble', error));
  }

  heard(packet) {
    try {
      const found = decode(packet);
      for (const one of found.elements ?? [found]) this.told(one.address, (one.args ?? []).map((arg) => arg?.value ?? arg));
    } catch (error) {
      this.emit('trouble', error);
    }
  }

  told(address, values) {
    const name = address.slice(TABLE.root.length);
    const about = TABLE.reports[name];
    if (!about) return;
    if (name === 'changed') this.state[values[0]] = values.length === 2 ? values[1] : values.slice(1);
    if (name === 'status') {
      if (Date.now() - this.seen > GONE) this.send('state');
      this.seen = Date.now();
    }
    // 'error' without a listener would end the process
    this.emit(name === 'error' ? 'refused' : name, named(about.fields, values), values);
    this.emit('report', name, values);
  }

  async close() {
    clearInterval(this.beat);
    await this.send('unsubscribe', this.socket.address().port);
    this.socket.close();
  }
}

/** Node for Max: every control is a message to the object, every report leaves it. */
function inMax(max, agent) {
  for (const name of Object.keys(TABLE.controls)) {
    max.addHandler(name, (...values) => agent.send(name, ...values).catch((error) => max.post(error.message)));
  }
  agent.on('report', (name, values) => max.outlet(name, ...values));
  agent.on('trouble', (error) => max.post(`antiphon: ${error.message}`));
}

/** A terminal: a control and its values on each line in, a report on each line out. */
function inTerminal(agent) {
  agent.on('report', (name, values) => console.log(JSON.stringify([name, ...values])));
  agent.on('trouble', (error) => console.error(`antiphon: ${error.message}`));
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    const [name, ...words] = line.trim().split(/\s+/);
    const values = words.map((word) => (word !== '' && Number.isFinite(Number(word)) ? Number(word) : word));
    if (name) agent.send(name, ...values).catch((error) => console.error(`antiphon: ${error.message}`));
  });
  lines.on('close', () => agent.close());
}

function options(words) {
  const found = {};
  for (let n = 0; n + 1 < words.length; n += 2) {
    const name = words[n].replace(/^--/, '');
    found[name] = name === 'host' ? words[n + 1] : Number(words[n + 1]);
  }
  return found;
}

if (process.argv[1] === fileURLToPath(import.meta.url) || process.env.MAX_ENV) {
  // 'max-api' is there inside Max alone; the package of that name from npm throws
  const max = await import('max-api').then((found) => found.default ?? found, () => null);
  const agent = new Antiphon(options(process.argv.slice(2)));
  if (max) inMax(max, agent);
  else inTerminal(agent);
}
