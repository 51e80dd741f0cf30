/**
 * The randomness of one event after another: a stream of draws that depends on the seed and the
 * number of the event alone, so that every event can be made without those before it. Begins anew
 * for each event in a few nanoseconds.
 */
const GOLDEN = 0x9e37_79b9;
const TWO_TO_32 = 2 ** 32;
/** Texts are cut out of a long one. */
const TEXT_LENGTH = 1 << 16;
const LETTERS = 26;
const FIRST_LETTER = 97;
const SPACE = 32;

export class Draws {
  readonly #seed: number;
  #state = 0;
  /** 10^(6x) for x in steps of 1/2^8, 1/2^16 and 1/2^24. */
  readonly #powers: readonly Float64Array[];
  readonly #letters: string;
  readonly #words: string;

  constructor(seed: number) {
    if (!Number.isSafeInteger(seed)) throw new Error(`a seed is a safe integer, not ${seed}`);
    this.#seed = mixed(seed | 0) ^ mixed(Math.floor(seed / TWO_TO_32) ^ GOLDEN);
    this.#powers = [8, 16, 24].map((bits) =>
      Float64Array.from({ length: 256 }, (_, i) => 10 ** ((6 * i) / 2 ** bits)),
    );
    this.begin(-1);
    this.#letters = this.#text(() => this.#letter());
    this.#words = this.#text(() => (this.below(13) === 0 ? SPACE : this.#letter()));
  }

  /** The draws from now on are those of this event. */
  begin(event: number): void {
    const high = Math.floor(event / TWO_TO_32);
    this.#state = mixed((event | 0) ^ this.#seed) ^ Math.imul(high, GOLDEN);
  }

  /** Uniform in [0, 2^32). */
  #uint32(): number {
    this.#state = (this.#state + GOLDEN) | 0;
    return mixed(this.#state) >>> 0;
  }

  /** A whole number in [0, limit), uniform but for parts in 2^32 / limit. */
  below(limit: number): number {
    return Math.floor((this.#uint32() * limit) / TWO_TO_32);
  }

  /** True in all but one of `ratio` cases. */
  mostly(ratio: number): boolean {
    return this.below(ratio) > 0;
  }

  /** 100 * 10^(6x) for a uniform x, rounded: as many prices of one size as of any other. */
  price(): number {
    const [first, second, third] = this.#powers as [Float64Array, Float64Array, Float64Array];
    const x = this.#uint32();
    return Math.round(
      100 * first[x >>> 24]! * second[(x >>> 16) & 0xff]! * third[(x >>> 8) & 0xff]!,
    );
  }

  /** Letters. */
  letters(length: number): string {
    const at = this.below(TEXT_LENGTH - length);
    return this.#letters.slice(at, at + length);
  }

  /** Words of 3 to `longest` characters in all. */
  words(longest: number): string {
    const length = 3 + this.below(longest - 3);
    const at = this.below(TEXT_LENGTH - length);
    return this.#words.slice(at, at + length).trim();
  }

  /** Letters that bring what has `size` bytes to about `wanted`, a fifth less or more. */
  filling(size: number, wanted: number): string {
    if (size > wanted) return '';
    const fifth = Math.round((wanted - size) * 0.2);
    const least = wanted - size - fifth;
    return this.letters(fifth === 0 ? least : least + this.below(2 * fifth));
  }

  pick(texts: readonly string[]): string {
    return texts[this.below(texts.length)]!;
  }

  #letter(): number {
    return FIRST_LETTER + this.below(LETTERS);
  }

  #text(character: () => number): string {
    const bytes = Buffer.alloc(TEXT_LENGTH);
    for (let i = 0; i < TEXT_LENGTH; i += 1) bytes[i] = character();
    return bytes.toString('latin1');
  }
}

/** Every bit of the input reaches every bit of the output; no two inputs have one output. */
function mixed(word: number): number {
  let bits = word ^ (word >>> 16);
  bits = Math.imul(bits, 0x21f0_aaad);
  bits ^= bits >>> 15;
  bits = Math.imul(bits, 0x735a_2d97);
  return bits ^ (bits >>> 15);
}
