/** The wall clock of a host jumps, by up to an hour either way, and stays there. */
import { hits, type FaultClass, type FaultOptions } from './fault.ts';

const HOUR = 3_600_000;

export function clockJump(options: FaultOptions): FaultClass {
  return {
    name: 'clock-jump',
    everyMillis: options.everyMillis,
    strike: ({ hosts, random }) => {
      const targets = hosts.filter((host) => hits(options, host.name));
      if (targets.length === 0) return undefined;
      const host = random.pick(targets);
      const jump = random.chance(0.5)
        ? random.between(-2000, 2000)
        : random.between(-HOUR, HOUR) - host.wallOffset;
      host.wallOffset += jump;
      return { what: `${host.name} by ${jump} ms` };
    },
  };
}
