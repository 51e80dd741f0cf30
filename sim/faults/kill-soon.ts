/** How a kill is placed: at once, or at one of the next calls of the environment by a thread. */
import type { SimProcess } from '../process.ts';
import type { SimThread } from '../thread.ts';
import { drawMicros, type FaultWorld } from './fault.ts';

/** If the thread does not get to the drawn call by then, it is killed where it stands. */
const PATIENCE_MICROS = 1_000_000;

export function killSoon(
  { random, scheduler }: FaultWorld,
  process: SimProcess,
  thread: SimThread,
  kill: () => void,
): void {
  if (random.chance(0.3)) {
    kill();
    return;
  }
  process.killAtStep(thread, drawMicros(random, 1, 300), random, kill);
  scheduler.world(PATIENCE_MICROS, 'kill', thread.id, 0, () => {
    if (thread.alive) kill();
  });
}
