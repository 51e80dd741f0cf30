// A program that runs a job and goes on with its results: `npx node
// examples/execute-and-collect.ts`. Notice: `build` returns the streams to collect, and what comes
// back has their types. Workers load this module for the functions in it, so that only the main
// program runs the job.
import { defineJob, executeAndCollect, param, t } from 'millrace';

const Divided = t.struct({ n: t.integer, divisors: t.integer });

function divisorsOf(n: number): number {
  let divisors = 0;
  for (let i = 1; i <= n; i++) if (n % i === 0) divisors += 1;
  return divisors;
}

const job = defineJob({
  name: 'execute-and-collect',
  params: { upTo: param(t.integer, 30) },
  build(env, { upTo }) {
    const divided = env
      .sequence(1, upTo)
      .map((n) => ({ n, divisors: divisorsOf(n) }))
      .returns(Divided);
    return {
      primes: divided
        .filter(({ divisors }) => divisors === 2)
        .map(({ n }) => n)
        .collect('primes'),
      richest: divided
        .keyBy(() => 'all')
        .maxBy('divisors')
        .collect('richest'),
    };
  },
});
export default job;

if (import.meta.main) {
  const { primes, richest } = await executeAndCollect(job, { params: { upTo: 50 } });
  console.log(`${primes.length} primes, the last is ${primes.at(-1)}`);
  console.log(`most divisors: ${JSON.stringify(richest.at(-1))}`);
}
