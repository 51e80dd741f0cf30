// The package as its users get it: packed, installed on a machine that has nothing else, and used
// from there. Everything below runs compiled code under the user's own Node.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import manifest from '../../package.json' with { type: 'json' };
import { linesOf, REPOSITORY } from '../command.test-kit.ts';
import { installedMachine, type Installation } from './installation.test-kit.ts';

const WORD_COUNT = `import { count, defineJob, param, t } from 'millrace';

interface Word {
  readonly word: string;
}

export default defineJob({
  name: 'words',
  params: { text: param(t.string, 'to be or not to be') },
  build(env, { text }) {
    env
      .fromElements(...text.split(' '))
      .map((word): Word => ({ word }))
      .keyBy(({ word }) => word)
      .aggregate(count())
      .map(({ key, value }) => key + ' ' + value)
      .print();
  },
});
`;

const FAILING = `import { defineJob } from 'millrace';

interface Order {
  readonly id: number;
}

export default defineJob({
  name: 'failing',
  build(env) {
    env
      .sequence(1, 10)
      .map((id): Order => ({ id }))
      .map((order): Order => {
        if (order.id === 7) throw new Error('no order 7');
        return order;
      })
      .print();
  },
});
`;

/** Plain JavaScript, which needs no type stripping. */
const PROGRAM = `import { defineJob, executeAndCollect } from 'millrace';

export const squares = defineJob({
  name: 'squares',
  build: (env) => env.sequence(1, 4).map((n) => [n * n, process.execPath]).collect(),
});

if (import.meta.main) console.log(JSON.stringify(await executeAndCollect(squares)));
`;

const TYPES_USED = `import { count, defineJob, discard, executeAndCollect, t, type Infer } from 'millrace';
import { files } from 'millrace/connectors/files';
import { socket } from 'millrace/connectors/socket';
import { csv, json } from 'millrace/formats';
import { verifyOperator } from 'millrace/testing';

const Bid = t.struct({ auction: t.int64, price: t.float64, tags: t.array(t.string) });
type Bid = Infer<typeof Bid>;
const Total = t.struct({ auction: t.int64, bids: t.float64 });

export const bids = defineJob({
  name: 'bids',
  build(env) {
    env.from(socket.text({ host: 'localhost', port: 9 })).sinkTo(discard());
    const read = env.from(files.source({ path: 'in', format: json(Bid) }));
    const totals = read
      .filter((bid: Bid) => bid.price > 0)
      .keyBy((bid) => bid.auction)
      .aggregate(count())
      .map(({ key, value }) => ({ auction: key, bids: value }))
      .returns(Total);
    totals.sinkTo(files.sink({ path: 'out', format: csv(Total) }));
    return totals.collect();
  },
});

const collected: readonly Infer<typeof Total>[] = await executeAndCollect(bids);
console.log(collected.map((total) => total.bids + 1), verifyOperator);

// @ts-expect-error a bid has no colour
export const colour = (bid: Bid): string => bid.colour;
`;

const STRICT = {
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  noImplicitOverride: true,
  noPropertyAccessFromIndexSignature: true,
  verbatimModuleSyntax: true,
  erasableSyntaxOnly: true,
  isolatedModules: true,
  // The declarations of the package are held to all of this too.
  skipLibCheck: false,
  noEmit: true,
};

const TYPES = [join(REPOSITORY, 'node_modules', '@types')];

describe('the package, installed', { timeout: 180_000 }, () => {
  let machine: Installation;

  before(async () => {
    machine = await installedMachine();
    machine.write('job.ts', WORD_COUNT);
    machine.write('failing.ts', FAILING);
    machine.write('program.js', PROGRAM);
  });
  after(() => machine.remove());

  test('it holds every entry, compiled and declared, and nothing of the tests', () => {
    const packed = JSON.parse(readFileSync(join(machine.package, 'package.json'), 'utf8')) as {
      readonly exports: Readonly<
        Record<string, string | { readonly types: string; readonly default: string }>
      >;
    };
    assert.deepEqual(Object.keys(packed.exports), Object.keys(manifest.exports));
    const exported = Object.values(packed.exports).flatMap((entry) =>
      typeof entry === 'string' ? [entry] : [entry.types, entry.default],
    );
    const started = ['millrace.js', 'cli.js', 'slot-worker.js', 'coordinator-worker.js'];
    for (const path of [...exported, ...started.map((name) => `bin/${name}`)]) {
      assert.ok(existsSync(join(machine.package, path)), path);
    }
    const files = readdirSync(machine.package, { recursive: true, encoding: 'utf8' });
    assert.deepEqual(
      files.filter((path) => /\.test\.|test-kit|-contract\.|(?<!\.d)\.ts$/.test(path)),
      [],
    );
  });

  test('publint has nothing to say', async () => {
    const { messages, pkg } = await publint({ pkgDir: machine.package, pack: false, strict: true });
    assert.deepEqual(
      // The packed engine finds itself by a package.json of its own, which nobody resolves from
      // outside.
      messages
        .filter(({ code }) => code !== 'NESTED_PACKAGE_JSON_FIELD_IGNORED')
        .map((message) => formatMessage(message, pkg)),
      [],
    );
  });

  test('every public subpath can be imported', async () => {
    const paths = Object.keys(manifest.exports).filter((path) => path !== './package.json');
    const names = paths.map((path) => `millrace${path.slice(1)}`);
    const script = `for (const name of ${JSON.stringify(names)}) {
      if (Object.keys(await import(name)).length === 0) throw new Error(name + ' is empty');
    }`;
    const { code, stderr } = await machine.run('node', '--input-type=module', '-e', script);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  });

  test('--version', async () => {
    const { stdout, code } = await machine.run('npx', 'millrace', '--version');
    assert.deepEqual({ stdout, code }, { stdout: `${manifest.version}\n`, code: 0 });
  });

  test('a job in TypeScript runs', async () => {
    const { stdout, stderr, code } = await machine.run('npx', 'millrace', 'run', 'job.ts');
    assert.deepEqual({ stderr, code }, { stderr: '', code: 0 });
    assert.deepEqual(linesOf(stdout), ['to 1', 'be 1', 'or 1', 'not 1', 'to 2', 'be 2']);
  });

  test('a parameter and a parallelism', async () => {
    const args = ['job.ts', '-p', '2', '--param', 'text=a b a'];
    const { stdout, code } = await machine.run('npx', 'millrace', 'run', ...args);
    assert.equal(code, 0);
    const printed = linesOf(stdout).map((line) => line.replace(/^\d> /, ''));
    assert.deepEqual(printed.toSorted(), ['a 1', 'a 2', 'b 1']);
  });

  test('info', async () => {
    const { stdout, stderr, code } = await machine.run('npx', 'millrace', 'info', 'job.ts');
    assert.deepEqual({ stderr, code }, { stderr: '', code: 0 });
    assert.match(stdout, /^words: 2 tasks, 1 slot$/m);
    assert.match(stdout, /aggregate -> map -> Sink: print/);
  });

  test('a function that throws: the line of the TypeScript, and none of ours', async () => {
    const { stderr, code } = await machine.run('npx', 'millrace', 'run', 'failing.ts');
    assert.equal(code, 1);
    assert.match(stderr, /^error\[USER_CODE_FAILED\]: .*no order 7/m);
    const line = FAILING.split('\n').findIndex((text) => text.includes('no order 7')) + 1;
    assert.match(stderr, new RegExp(`failing\\.ts:${line}:`));
    assert.doesNotMatch(stderr, /node_modules|node:internal/);
  });

  test('a program runs a job of its own, under the Node of the user', async () => {
    const { stdout, stderr, code } = await machine.run('node', 'program.js');
    assert.deepEqual({ stderr, code }, { stderr: '', code: 0 });
    assert.deepEqual(
      JSON.parse(stdout),
      [1, 4, 9, 16].map((square) => [square, machine.node]),
    );
  });

  for (const [settings, options] of [
    ["Node's types", { target: 'es2024', lib: ['es2024'], types: ['node'], typeRoots: TYPES }],
    ["no types of Node's", { target: 'es2024', types: [] }],
    ['the newest target', { target: 'esnext', types: [] }],
    ["a bundler's resolution", { target: 'es2024', module: 'preserve', types: [] }],
  ] as const) {
    test(`the types hold in a strict project with ${settings}`, async () => {
      machine.write('uses.ts', TYPES_USED);
      const compilerOptions = { module: 'nodenext', ...STRICT, ...options };
      machine.write('tsconfig.json', JSON.stringify({ compilerOptions, files: ['uses.ts'] }));
      const compiler = join(REPOSITORY, 'node_modules', 'typescript', 'bin', 'tsc');
      const { stdout, code } = await machine.run('node', compiler, '-p', 'tsconfig.json');
      assert.deepEqual({ stdout, code }, { stdout: '', code: 0 });
    });
  }
});
