/** The options of `npm run sim`. */
import { parseArgs } from 'node:util';

export interface SimOptions {
  /** One seed, every event printed. */
  readonly seed: number | undefined;
  readonly seeds: number;
  readonly from: number;
  /** Processes at a time; undefined: one for each core. */
  readonly processes: number | undefined;
  /** The crash-point sweep, in place of seeds. */
  readonly crashPoints: boolean;
  /** Of all cases of the sweep one of so many. */
  readonly every: number;
  /** One case of the sweep: `<point> <mode>`. */
  readonly crash: string | undefined;
  readonly quiet: boolean;
  readonly mutant: string | undefined;
  /** All of them. */
  readonly mutants: boolean;
  /** For all seeds, or for none; undefined: each draws. */
  readonly checkpoints: boolean | undefined;
  /** SeedOptions.smallExchange */
  readonly smallExchange: boolean;
}

export function parseSimOptions(): SimOptions {
  const { values } = parseArgs({
    allowNegative: true,
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string', default: '50' },
      from: { type: 'string', default: '1' },
      processes: { type: 'string' },
      'crash-points': { type: 'boolean', default: false },
      every: { type: 'string', default: '1' },
      crash: { type: 'string' },
      quiet: { type: 'boolean', default: false },
      mutant: { type: 'string' },
      mutants: { type: 'boolean', default: false },
      checkpoints: { type: 'boolean' },
      'small-exchange': { type: 'boolean', default: false },
    },
  });
  const { seed, seeds, from, processes, every, crash, quiet, mutant, mutants, checkpoints } =
    values;
  return {
    seed: seed === undefined ? undefined : whole(seed, 'seed'),
    seeds: whole(seeds, 'seeds'),
    from: whole(from, 'from'),
    processes: processes === undefined ? undefined : whole(processes, 'processes'),
    crashPoints: values['crash-points'],
    smallExchange: values['small-exchange'],
    every: whole(every, 'every'),
    ...{ crash, quiet, mutant, mutants, checkpoints },
  };
}

function whole(text: string, option: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`--${option} takes a whole number, not "${text}"`);
}
