/**
 * What the API costs the compiler: a job of sixty steps is checked against the same job without
 * them, and the types and instantiations that a step adds are held to a budget, because they are
 * what makes editors slow. `node bench/types/run.ts [--json]`; ends with 1 when over budget.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const ROOT = join(import.meta.dirname, '../..');
const STEPS = 60;
const BUDGET = { types: 30, instantiations: 80 } as const;

/** One step of each kind in turn; the stream is of records with two fields before and after. */
const KINDS: readonly string[] = [
  '.map((r) => ({ user: r.user, n: r.n + 1 }))',
  '.filter((r) => r.n > 0)',
  '.flatMap((r) => [r, r])',
  ".keyBy((r) => r.user).sum('n')",
  '.keyBy((r) => [r.user, r.n]).reduce((a, b) => (a.n > b.n ? a : b), Row)',
  ".process({ emits: Row, outputs: { odd: t.string }, onElement(r, ctx) { ctx.emit(r); ctx.emitTo('odd', r.user); } })",
];

function program(steps: number): string {
  const chain = Array.from({ length: steps }, (_, step) => `      ${KINDS[step % KINDS.length]!}`);
  return `import { defineJob, discard, t } from 'millrace';
const Row = t.struct({ user: t.string, n: t.float64 });
export default defineJob({
  name: 'types',
  build(env) {
    env
      .fromCollection([{ user: 'ada', n: 1 }], Row)
${chain.join('\n')}
      .sinkTo(discard());
  },
});
`;
}

interface Cost {
  readonly types: number;
  readonly instantiations: number;
}

function check(folder: string, steps: number): Cost {
  const file = join(folder, `steps-${steps}.ts`);
  writeFileSync(file, program(steps));
  const config = join(folder, `tsconfig-${steps}.json`);
  const settings = {
    extends: join(ROOT, 'tsconfig.json'),
    include: [],
    exclude: [],
    files: [file],
  };
  writeFileSync(config, JSON.stringify(settings));
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  const out = execFileSync(process.execPath, [tsc, '-p', config, '--extendedDiagnostics'], {
    encoding: 'utf8',
  });
  const figure = (name: string): number => {
    const found = new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(out)?.[1];
    if (found === undefined) throw new Error(`tsc did not report ${name}:\n${out}`);
    return Number(found);
  };
  return { types: figure('Types'), instantiations: figure('Instantiations') };
}

const { values } = parseArgs({ options: { json: { type: 'boolean' } } });
// Inside the repository, where `millrace` means the sources.
const folder = mkdtempSync(join(ROOT, 'bench/types/.check-'));
let over = false;
try {
  const [without, withSteps] = [check(folder, 0), check(folder, STEPS)];
  for (const name of ['types', 'instantiations'] as const) {
    const perStep = Math.round((withSteps[name] - without[name]) / STEPS);
    const budget = BUDGET[name];
    over ||= perStep > budget;
    console.log(
      values.json === true
        ? JSON.stringify({ name: `${name}-per-step`, value: perStep, budget, better: 'lower' })
        : `${name} per step: ${perStep}, at most ${budget}`,
    );
  }
} finally {
  rmSync(folder, { recursive: true });
}
if (over) process.exitCode = 1;
