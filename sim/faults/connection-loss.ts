/** A connection is lost: both sides notice at different times, what was on the way is gone. */
import { hits, type FaultClass, type FaultOptions } from './fault.ts';

export function connectionLoss(options: FaultOptions): FaultClass {
  return {
    name: 'connection-loss',
    everyMillis: options.everyMillis,
    strike: ({ network, random }) => {
      const targets = network.endpoints.filter(
        (endpoint) => endpoint.live && hits(options, endpoint.thread.name),
      );
      if (targets.length === 0) return undefined;
      const target = random.pick(targets);
      target.lose(random);
      return { what: `${target.thread.name} connection ${target.what}` };
    },
  };
}
