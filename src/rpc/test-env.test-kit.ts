/** What an RpcService needs of an environment, under a clock that a test moves. Test code. */
import { simCryptography } from '../../sim/cryptography.ts';
import { Prng } from '../base/prng.ts';
import type { Log, Network, Random } from '../env/env.ts';
import { memoryNetwork } from '../env/memory-network.ts';
import { ManualClock } from './manual-clock.test-kit.ts';
import type { RpcServiceOptions } from './rpc-service.ts';

export type TestEnv = RpcServiceOptions['env'] & { readonly clock: ManualClock };

const silent: Log = { write: () => undefined, with: () => silent };

export function testEnv(log: Log = silent, clock: ManualClock = new ManualClock()): TestEnv {
  const network: Network = memoryNetwork(clock);
  return { clock, log, network, random: seededRandom(), cryptography: simCryptography };
}

function seededRandom(): Random {
  const prng = Prng.of(1);
  const bytes = (count: number): Uint8Array =>
    Uint8Array.from({ length: count }, () => prng.below(256));
  return {
    uint32: () => prng.below(2 ** 32),
    below: (limit) => prng.below(limit),
    bytes,
    uuid: () => Buffer.from(bytes(16)).toString('hex'),
    buggify: () => false,
  };
}
