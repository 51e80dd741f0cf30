/** The real compression keeps the contract. */
import { compressionContract } from '../contract/compression-contract.ts';
import { nodeCompression } from './compression.ts';

compressionContract('node', () => ({
  compression: nodeCompression(),
  run: (body) => body(),
  [Symbol.asyncDispose]: () => Promise.resolve(),
}));
