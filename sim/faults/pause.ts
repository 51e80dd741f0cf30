/**
 * A process stands still for a while (SIGSTOP, a long collection, a moved virtual machine), then
 * goes on as if nothing had been.
 */
import { drawMicros, hits, type FaultClass, type FaultOptions } from './fault.ts';

export function pause(options: FaultOptions): FaultClass {
  return {
    name: 'pause',
    everyMillis: options.everyMillis,
    strike: ({ hosts, random }) => {
      const processes = hosts
        .flatMap((host) => [...host.processes])
        .filter((process) => process.alive && !process.stopped && hits(options, process.name));
      if (processes.length === 0) return undefined;
      const process = random.pick(processes);
      process.stop();
      return {
        what: process.main.name,
        micros: drawMicros(random, 10_000, 30_000_000),
        heal: () => process.go(),
      };
    },
  };
}
