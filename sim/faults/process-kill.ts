/** A process is killed (SIGKILL), between two turns or in the middle of one; its host lives on. */
import { killSoon } from './kill-soon.ts';
import { hits, type FaultClass, type FaultOptions } from './fault.ts';

export function processKill(options: FaultOptions): FaultClass {
  return {
    name: 'process-kill',
    everyMillis: options.everyMillis,
    strike: (world) => {
      const { random } = world;
      const processes = world.hosts
        .flatMap((host) => [...host.processes])
        .filter((process) => process.alive && hits(options, process.name));
      if (processes.length === 0) return undefined;
      const process = random.pick(processes);
      const thread = random.pick([...process.threads]);
      killSoon(world, process, thread, () => process.kill());
      return { what: `${process.main.name} while ${thread.name} runs` };
    },
  };
}
