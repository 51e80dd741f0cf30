/** What a seed lets its user do with the job: half of them run one, the others several in a row. */
import type { Prng } from '../../src/base/prng.ts';
import type { Episode } from './job-life.ts';

/** As many subtasks as the cluster has slots, at most. */
const PARALLELISMS = [1, 2, 3, 4, 5, 6];

export interface DrawLifeOptions {
  /** Without them no job goes on where another has ended. */
  readonly checkpoints: boolean;
  readonly slots: number;
  /** A drained job gives what it would give at the end of its input. */
  readonly drains: boolean;
  /** Files end with every checkpoint; else some are open in it, and go on. */
  readonly rolls: boolean;
  /** Its key groups are as many as in the checkpoint that it goes on from. */
  readonly isKeyed: boolean;
}

export function drawLife(random: Prng, options: DrawLifeOptions): readonly Episode[] {
  const last: Episode = {
    parallelism: 4,
    end: undefined,
    afterMillis: 0,
    savepoint: undefined,
    claimMode: 'CLAIM',
    maxParallelism: undefined,
  };
  if (!options.checkpoints || random.fork('single').chance(0.4)) return [last];
  const count = 1 + random.fork('count').below(3);
  const keyGroups = drawKeyGroups(random.fork('key groups'), options);
  const drawn = Array.from({ length: count + 1 }, (_, index): Episode => {
    const draw = random.fork(`episode ${index}`);
    return {
      parallelism: draw.pick(PARALLELISMS.filter((each) => each <= options.slots)),
      end: draw.pick(['suspend', 'cancel', options.drains ? 'drain' : 'suspend'] as const),
      afterMillis: draw.between(200, 3000),
      savepoint: draw.pick([undefined, 'canonical', 'native'] as const),
      claimMode: draw.pick(['CLAIM', 'NO_CLAIM', 'LEGACY'] as const),
      maxParallelism: keyGroups(index),
    };
  });
  const episodes = drawn.map((episode, index): Episode => {
    // Nobody goes on with a file that is open in a checkpoint but who has claimed it.
    const mustClaim = !options.rolls && drawn[index - 1]?.end === 'cancel';
    return mustClaim ? { ...episode, claimMode: 'CLAIM' } : episode;
  });
  return episodes.with(count, { ...episodes[count]!, end: undefined });
}

const KEY_GROUPS = [6, 7, 31, 128, 1000];

/** Of each episode; undefined: it does not say. */
function drawKeyGroups(
  random: Prng,
  { isKeyed }: DrawLifeOptions,
): (index: number) => number | undefined {
  const said = random.pick(['by none', 'by none', 'by all', 'by the first', 'as each likes']);
  const number = random.pick(KEY_GROUPS);
  if (said === 'by all') return () => number;
  if (said === 'by none') return () => undefined;
  if (said === 'as each likes' && !isKeyed) {
    return (index) => random.fork(`${index}`).pick(KEY_GROUPS);
  }
  // Those after it take what they find.
  return (index) => (index === 0 ? number : undefined);
}

/** For the line of a seed. */
export function describeLife(episodes: readonly Episode[]): string {
  return episodes
    .map(({ parallelism, end }) => `${parallelism}${end === undefined ? '' : ` ${end}`}`)
    .join(', ');
}
