/** A host loses its power, with all that it had not synced, and gets it back after a while. */
import { drawMicros, hits, type FaultClass, type FaultOptions } from './fault.ts';

export function hostCrash(options: FaultOptions): FaultClass {
  return {
    name: 'host-crash',
    everyMillis: options.everyMillis,
    strike: ({ hosts, random }) => {
      const targets = hosts.filter((host) => host.up && hits(options, host.name));
      if (targets.length === 0) return undefined;
      const host = random.pick(targets);
      host.crash(random);
      return {
        what: host.name,
        micros: drawMicros(random, 50_000, 10_000_000),
        heal: () => host.restart(),
      };
    },
  };
}
