/**
 * Hosts cannot reach one another: two groups apart, or one pair of hosts, in both directions or in
 * one. Bytes are held by the senders' systems and connecting fails after its time-out.
 */
import type { Prng } from '../../src/base/prng.ts';
import type { SimHost } from '../host.ts';
import { drawMicros, hits, type FaultClass, type FaultOptions } from './fault.ts';

export function partition(options: FaultOptions): FaultClass {
  return {
    name: 'partition',
    everyMillis: options.everyMillis,
    strike: ({ network, hosts, random }) => {
      const [here, there] = divide(hosts, random, options);
      if (here.length === 0 || there.length === 0) return undefined;
      const oneWay = random.chance(0.3);
      const links = here.flatMap((one) =>
        there.flatMap((other) => {
          const out = network.link(one, other);
          return oneWay ? [out] : [out, network.link(other, one)];
        }),
      );
      for (const link of links) link.block();
      return {
        what: `${names(here)} ${oneWay ? '->' : '<->'} ${names(there)}`,
        micros: drawMicros(random, 50_000, 30_000_000),
        heal: () => {
          for (const link of links) link.unblock();
        },
      };
    },
  };
}

function divide(
  hosts: readonly SimHost[],
  random: Prng,
  options: FaultOptions,
): readonly [readonly SimHost[], readonly SimHost[]] {
  const shuffled = random.shuffle([...hosts]);
  const [first, ...others] = shuffled;
  if (first === undefined || others.length === 0) return [[], []];
  if (random.chance(0.5)) {
    const from = shuffled.find((host) => hits(options, host.name));
    const to = shuffled.find((host) => host !== from);
    return from === undefined || to === undefined ? [[], []] : [[from], [to]];
  }
  const cut = 1 + random.below(shuffled.length - 1);
  return [shuffled.slice(0, cut), shuffled.slice(cut)];
}

function names(hosts: readonly SimHost[]): string {
  return hosts.map((host) => host.name).join(',');
}
