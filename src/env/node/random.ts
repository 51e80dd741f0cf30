/**
 * The real source of chance. Draws for jitter and sampling come from V8's generator; bytes and
 * UUIDs, which are secrets and identities, from the operating system through node:crypto, which is
 * loaded on first use because that takes milliseconds.
 */
import { assert } from '../../base/assert.ts';
import type { Random } from '../env.ts';

const TWO_TO_32 = 2 ** 32;

export function nodeRandom(): Random {
  return new NodeRandom();
}

class NodeRandom implements Random {
  uint32(): number {
    return Math.floor(Math.random() * TWO_TO_32);
  }

  below(limit: number): number {
    assert(
      Number.isInteger(limit) && limit >= 1 && limit <= TWO_TO_32,
      `Random.below: the limit is ${limit}`,
    );
    // Draws from the ragged end of the range are thrown away, so that every result is equally
    // likely.
    const end = TWO_TO_32 - (TWO_TO_32 % limit);
    for (;;) {
      const draw = this.uint32();
      if (draw < end) return draw % limit;
    }
  }

  bytes(count: number): Uint8Array {
    const bytes = new Uint8Array(count);
    process.getBuiltinModule('node:crypto').randomFillSync(bytes);
    return bytes;
  }

  uuid(): string {
    return process.getBuiltinModule('node:crypto').randomUUID();
  }

  buggify(_site: string): boolean {
    return false;
  }
}
