/** Keyed hashes by node:crypto, which is loaded on first use because that takes milliseconds. */
import type { Cryptography } from '../env.ts';

export function nodeCryptography(): Cryptography {
  return {
    hmacSha256(key, message) {
      const { createHmac } = process.getBuiltinModule('node:crypto');
      return new Uint8Array(createHmac('sha256', key).update(message).digest());
    },
    equal(left, right) {
      const { timingSafeEqual } = process.getBuiltinModule('node:crypto');
      return left.length === right.length && timingSafeEqual(left, right);
    },
  };
}
