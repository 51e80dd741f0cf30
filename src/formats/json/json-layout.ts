/**
 * How objects are laid out in the lines that are being read: which names stand in which order, with
 * how many spaces, those included that the schema does not know. A parser that was generated for
 * the layout compares whole names with what it expects instead of finding out what they are.
 *
 * Invariants
 * JL1. A layout is a guess: the parser compares every byte of it.
 * JL2. No more than LEARNED_MAX layouts are learned for a struct: code stays for good.
 */
import type { JsonTokens } from './json-tokens.ts';

export interface LayoutItem {
  readonly name: string;
  /** Spaces before the name, and after its colon. */
  readonly before: number;
  readonly after: number;
}

const LEARNED_MAX = 3;
/** Objects of more or longer names are not worth it. */
const ITEMS_MAX = 200;
const NAME_BYTES_MAX = 100;
const SPACES_MAX = 4;

const QUOTE = 0x22;
const COLON = 0x3a;
const SPACE = 0x20;
const COMMA = 0x2c;
const CLOSE = 0x7d;

/** Of the structs of one parser, by their numbers. */
export class JsonLayouts {
  readonly #tokens: JsonTokens;
  readonly #learned = new Map<number, { items: readonly LayoutItem[]; times: number }>();
  /** Whether a layout was learned for which no parser has been generated. */
  changed = false;

  constructor(tokens: JsonTokens) {
    this.#tokens = tokens;
  }

  of(struct: number): readonly LayoutItem[] | undefined {
    return this.#learned.get(struct)?.items;
  }

  /** The object at the brace `p` was not laid out as expected. */
  learn(struct: number, p: number, k: number): void {
    const times = this.#learned.get(struct)?.times ?? 0;
    if (times === LEARNED_MAX) return;
    const items = layoutAt(this.#tokens, p, k);
    if (items === undefined) return;
    this.#learned.set(struct, { items, times: times + 1 });
    this.changed = true;
  }
}

/** Undefined if it is malformed, or unusual. */
function layoutAt(tokens: JsonTokens, brace: number, entry: number): LayoutItem[] | undefined {
  const { bytes, entries } = tokens;
  const items: LayoutItem[] = [];
  let p = brace;
  let k = entry;
  while (items.length < ITEMS_MAX) {
    const name = afterSpaces(bytes, p + 1);
    const end = entries[k + 1]!;
    if (bytes[name] !== QUOTE || bytes[end] !== QUOTE || bytes[end + 1] !== COLON) return undefined;
    const value = afterSpaces(bytes, end + 2);
    const [before, after] = [name - p - 1, value - end - 2];
    if (before > SPACES_MAX || after > SPACES_MAX || end - name > NAME_BYTES_MAX) return undefined;
    items.push({ name: bytes.utf8Slice(name + 1, end), before, after });
    if (!tokens.skip(value, k + 2)) return undefined;
    ({ p, k } = tokens);
    if (bytes[p] === CLOSE) return items;
    if (bytes[p] !== COMMA) return undefined;
  }
  return undefined;
}

function afterSpaces(bytes: Uint8Array, start: number): number {
  let p = start;
  while (bytes[p] === SPACE) p += 1;
  return p;
}
