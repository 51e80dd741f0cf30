// Jobs whose records come back to the program that runs them.
import { defineJob } from '../api/define-job.ts';
import { param } from '../api/parameters.ts';
import { EngineError } from '../base/errors.ts';
import { count } from '../functions/aggregates.ts';
import { t } from '../types/index.ts';

const Squared = t.struct({ n: t.integer, square: t.integer });

export const squares = defineJob({
  name: 'squares',
  params: { most: param(t.integer, 5) },
  build(env, { most }) {
    const numbers = env.sequence(1, most);
    return {
      squares: numbers
        .map((n) => ({ n, square: n * n }))
        .returns(Squared)
        .collect('squares'),
      parities: numbers
        .keyBy((n) => n % 2 === 0)
        .aggregate(count())
        .collect('parities'),
    };
  },
});

export const many = defineJob({
  name: 'many',
  build: (env) => env.sequence(1, 200_000).rebalance().collect(),
});

/** Fails in its first attempt after it has sent some of its records. */
export const stumbles = defineJob({
  name: 'stumbles',
  build(env) {
    let attempt = 0;
    return env
      .sequence(1, 50_000)
      .process({
        emits: t.integer,
        open: (context) => {
          attempt = context.attempt;
        },
        onElement(n, ctx) {
          if (attempt === 1 && n === 40_000) {
            throw new EngineError('IO_FAILED', {
              operation: 'read',
              path: 'x',
              reason: 'stumbled',
            });
          }
          ctx.emit(n);
        },
      })
      .collect();
  },
});

export const endless = defineJob({
  name: 'endless',
  build: (env) =>
    env
      .sequence(1, 1e12)
      .filter((n) => n < 0)
      .collect(),
});
