/**
 * The event log of a simulation: one record per event (virtual time, who, kind, details) and a
 * running hash of 64 bits over all records and over the content of every delivered message. Two
 * runs are the same run exactly when their hashes are equal; printing is optional and changes
 * nothing.
 *
 * Invariants
 * T1. Everything that can differ between two runs (times, choices, contents, errors) enters the
 *     hash.
 * T2. Virtual time never goes back from one record to the next.
 */
import { assert } from '../src/base/assert.ts';

/**
 * Kinds of events with the names of their two numbers, for the printed line. The order is part of
 * the hash.
 */
const KINDS = {
  start: ['thread', ''],
  exit: ['thread', 'code'],
  timer: ['timer', ''],
  soon: ['', ''],
  choice: ['of', 'index'],
  connect: ['connection', 'port'],
  accept: ['connection', 'port'],
  data: ['connection', 'bytes'],
  drained: ['connection', ''],
  closed: ['connection', ''],
  listen: ['port', ''],
  message: ['port', 'bytes'],
  exited: ['thread', ''],
  wake: ['word', ''],
  disk: ['operation', 'bytes'],
  apply: ['operation', 'bytes'],
  signal: ['', ''],
  log: ['', ''],
  output: ['bytes', ''],
  module: ['instance', ''],
  settle: ['', ''],
  kill: ['thread', ''],
  failure: ['thread', ''],
  fault: ['', ''],
  heal: ['', ''],
  net: ['connection', 'bytes'],
  pass: ['', ''],
} as const satisfies Readonly<Record<string, readonly [string, string]>>;

export type TraceKind = keyof typeof KINDS;

const KIND_NAMES = Object.keys(KINDS) as readonly TraceKind[];
const KIND_CODES: ReadonlyMap<TraceKind, number> = new Map(
  KIND_NAMES.map((name, code) => [name, code]),
);
/** How many of the latest records are kept for the report of a failure. */
const KEPT = 256;

/** Whoever an event belongs to. */
export interface TraceOwner {
  readonly id: number;
  readonly name: string;
}

/** Records are used again and again: there is one for every event. */
interface TraceRecord {
  micros: number;
  owner: TraceOwner | undefined;
  kind: TraceKind;
  a: number;
  b: number;
  text: string;
}

export interface TraceOptions {
  /** Gets every line; nothing is formatted without it. */
  readonly print?: ((line: string) => void) | undefined;
}

export class Trace {
  readonly #print: ((line: string) => void) | undefined;
  readonly #latest: readonly TraceRecord[] = Array.from({ length: KEPT }, () => ({
    micros: 0,
    owner: undefined,
    kind: 'pass',
    a: 0,
    b: 0,
    text: '',
  }));
  readonly #counts: number[] = KIND_NAMES.map(() => 0);
  #first = 0x811c_9dc5;
  #second = 0x9747_b28c;
  #events = 0;
  #micros = 0;

  constructor(options: TraceOptions = {}) {
    this.#print = options.print;
  }

  /** How many events there were. */
  get events(): number {
    return this.#events;
  }

  /** How many events of one kind there were. */
  count(kind: TraceKind): number {
    return this.#counts[KIND_CODES.get(kind) as number] as number;
  }

  /** The hash so far, as 16 hexadecimal digits. */
  hash(): string {
    const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, '0');
    return hex(scramble(this.#first ^ this.#second)) + hex(scramble(this.#second + this.#events));
  }

  /**
   * Adds an event; `a` and `b` mean what the kind says. Only texts that decide something belong
   * into `text`.
   */
  record(
    micros: number,
    owner: TraceOwner | undefined,
    kind: TraceKind,
    a: number,
    b: number,
    text = '',
  ): void {
    assert(micros >= this.#micros, `T2: ${kind} at ${micros} us comes after ${this.#micros} us`);
    this.#micros = micros;
    this.#events += 1;
    const code = KIND_CODES.get(kind) as number;
    this.#counts[code]! += 1;
    this.#mix(micros);
    this.#mix(micros / 0x1_0000_0000);
    this.#mix(code);
    this.#mix(owner?.id ?? 0);
    this.#mix(a);
    this.#mix(b);
    for (let index = 0; index < text.length; index++) this.#mix(text.charCodeAt(index));
    const kept = this.#latest[this.#events % KEPT] as TraceRecord;
    kept.micros = micros;
    kept.owner = owner;
    kept.kind = kind;
    kept.a = a;
    kept.b = b;
    kept.text = text;
    if (this.#print !== undefined) this.#print(format(kept));
  }

  /** Adds the content of something delivered. */
  content(bytes: Uint8Array): void {
    const whole = bytes.length & ~3;
    let index = 0;
    for (; index < whole; index += 4) {
      this.#mix(
        bytes[index]! |
          (bytes[index + 1]! << 8) |
          (bytes[index + 2]! << 16) |
          (bytes[index + 3]! << 24),
      );
    }
    for (; index < bytes.length; index++) this.#mix(bytes[index]!);
    this.#mix(bytes.length);
  }

  /** The latest events, oldest first, for the report of a failure. */
  tail(count: number): readonly string[] {
    const least = Math.max(1, this.#events - Math.min(count, KEPT) + 1);
    const lines: string[] = [];
    for (let event = least; event <= this.#events; event++) {
      lines.push(format(this.#latest[event % KEPT] as TraceRecord));
    }
    return lines;
  }

  #mix(value: number): void {
    const word = value | 0;
    const first = Math.imul(this.#first ^ Math.imul(word, 0xcc9e_2d51), 0x1b87_3593);
    this.#first = ((first << 13) | (first >>> 19)) + 0x27d4_eb2f;
    this.#second = Math.imul(this.#second ^ word, 0x0100_0193) ^ (first >>> 15);
  }
}

function format(record: TraceRecord): string {
  const [a, b] = KINDS[record.kind];
  const details = [
    a === '' ? '' : ` ${a}=${record.a}`,
    b === '' ? '' : ` ${b}=${record.b}`,
    record.text === '' ? '' : ` ${record.text}`,
  ].join('');
  const at = (record.micros / 1_000_000).toFixed(6).padStart(12);
  return `${at}  ${(record.owner?.name ?? '-').padEnd(16)} ${record.kind}${details}`;
}

function scramble(word: number): number {
  let mixed = word ^ (word >>> 16);
  mixed = Math.imul(mixed, 0x85eb_ca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2_ae35);
  return mixed ^ (mixed >>> 16);
}
