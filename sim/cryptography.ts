/** Cryptography in a simulation: the same computation as the real one. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Cryptography } from '../src/env/env.ts';

export const simCryptography: Cryptography = {
  hmacSha256: (key, message) => new Uint8Array(createHmac('sha256', key).update(message).digest()),
  equal: (left, right) => left.length === right.length && timingSafeEqual(left, right),
};
