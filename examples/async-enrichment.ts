// Asks a service about each record. Notice: requests of several records are under way at once, and
// results still come in the order of the records; a request that fails is tried again, and `signal`
// ends what is not waited for any more.
import { setTimeout as sleep } from 'node:timers/promises';
import { type AsyncCall, defineJob, milliseconds, seconds } from 'millrace';

const NAMES = ['Ada', 'Bob', 'Cleo', 'Dora', 'Egon'];

/** Stands for a request to a service that is slow, and that refuses every third user at first. */
async function fetchName(user: number, { attempt, signal }: AsyncCall): Promise<string> {
  await sleep(10 * (NAMES.length - user), undefined, { signal });
  if (user % 3 === 0 && attempt === 1) throw new Error('503 Service Unavailable');
  return NAMES[user]!;
}

export default defineJob({
  name: 'async-enrichment',
  build(env) {
    env
      .fromElements(0, 3, 1, 4, 2, 3)
      .asyncMap(async (user, call) => `user ${user} is ${await fetchName(user, call)}`, {
        order: 'ordered',
        timeout: seconds(10),
        capacity: 4,
        retry: {
          kind: 'exponential',
          attempts: 3,
          initialDelay: milliseconds(20),
          maxDelay: seconds(1),
          multiplier: 2,
        },
      })
      .print();
  },
});
