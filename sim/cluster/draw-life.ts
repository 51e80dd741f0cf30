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
}

export function drawLife(random: Prng, options: DrawLifeOptions): readonly Episode[] {
  const last: Episode = {
    parallelism: 4,
    end: undefined,
    afterMillis: 0,
    savepoint: undefined,
    claimMode: 'CLAIM',
  };
  if (!options.checkpoints || random.fork('single').chance(0.4)) return [last];
  const count = 1 + random.fork('count').below(3);
  const episodes = Array.from({ length: count + 1 }, (_, index): Episode => {
    const draw = random.fork(`episode ${index}`);
    return {
      parallelism: draw.pick(PARALLELISMS.filter((each) => each <= options.slots)),
      end: draw.pick(['suspend', 'cancel', options.drains ? 'drain' : 'suspend'] as const),
      afterMillis: draw.between(200, 3000),
      savepoint: draw.pick([undefined, 'canonical', 'native'] as const),
      claimMode: draw.pick(['CLAIM', 'NO_CLAIM', 'LEGACY'] as const),
    };
  });
  return episodes.with(count, { ...episodes[count]!, end: undefined });
}

/** For the line of a seed. */
export function describeLife(episodes: readonly Episode[]): string {
  return episodes
    .map(({ parallelism, end }) => `${parallelism}${end === undefined ? '' : ` ${end}`}`)
    .join(', ');
}
