// Real jobs on a cluster of real processes, one JobManager and three TaskManagers with two slots
// each: Nexmark's queries and the examples on the flights give at parallelism 6 what they give in
// one process.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { executeAndCollect, type Job } from 'millrace';
import type { nexmarkParameters } from '../../bench/nexmark/parameters.ts';
import { expectSame } from '../../bench/nexmark/rows.test-kit.ts';
import type { Row } from '../../bench/nexmark/oracles.ts';
import { executeAndCollectBy, type JobExecution } from '../../src/api/execute-and-collect.ts';
import { decodeClientMessage } from '../../src/functions/client-message.ts';
import { millrace, linesOf, REPOSITORY } from '../command.test-kit.ts';
import { TestCluster } from './test-cluster.test-kit.ts';

const PARALLELISM = 6;
const JOBS = join(REPOSITORY, 'bench', 'nexmark', 'jobs');

const EXAMPLES = [
  'tumbling-windows',
  'sliding-windows',
  'session-windows',
  'interval-join',
  'flight-delays',
];
/** Those that write CSV files instead of printing. */
const WRITING: ReadonlySet<string> = new Set(['interval-join']);

type NexmarkJob = Job<typeof nexmarkParameters>;

let cluster: TestCluster;
before(async () => {
  cluster = await TestCluster.start({ taskManagers: 3, slots: 2 });
});
after(() => cluster.close());

/** Runs a job on the cluster for `executeAndCollectBy`. */
const onCluster: JobExecution = async (request) => {
  const { moduleUrl, parameters, configuration } = request;
  const client = await cluster.submit({ moduleUrl, parameters, configuration });
  client.onMessage((operator, message) => request.onMessage(operator, message));
  const { status, error } = await client.result();
  client.close();
  assert.equal(status, 'FINISHED', JSON.stringify(error));
};

describe('Nexmark', () => {
  // Query 12 counts by processing time: what it gives depends on when it runs.
  const queries = readdirSync(JOBS)
    .map((name) => name.slice(0, -3))
    .filter((query) => query !== 'q12')
    .sort();

  for (const query of queries) {
    test(`${query}: as in one process`, async () => {
      const module = (await import(join(JOBS, `${query}.ts`))) as { readonly default: NexmarkJob };
      const options = (parallelism: number) =>
        ({
          params: { events: 20_000, outOfOrderGroup: 20, eventsPerSecond: 500, results: 'collect' },
          configuration: { 'parallelism.default': String(parallelism) },
        }) as const;
      const alone = await executeAndCollect(module.default, options(1));
      const rows = await executeAndCollectBy(onCluster, module.default, options(PARALLELISM));
      assert.ok((alone as unknown as readonly Row[]).length > 0, `${query} has results`);
      expectSame(rows as unknown as readonly Row[], alone as unknown as readonly Row[]);
    });
  }
});

describe('the flights', () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-flights-'));
  after(() => rmSync(folder, { recursive: true }));

  /** What an example prints, or the lines of the files that it writes. */
  async function alone(file: string, out: string): Promise<readonly string[]> {
    const args = WRITING.has(file) ? ['--param', `out=${out}`] : [];
    const { code, stdout, stderr } = await millrace(['run', pathOf(file), '-p', '1', ...args]);
    assert.equal(code, 0, stderr);
    return WRITING.has(file) ? linesIn(out) : withoutSubtask(linesOf(stdout));
  }

  async function clustered(file: string, out: string): Promise<readonly string[]> {
    const client = await cluster.submit({
      moduleUrl: pathToFileURL(pathOf(file)).href,
      parameters: WRITING.has(file) ? { out } : {},
      configuration: { 'parallelism.default': String(PARALLELISM) },
    });
    let text = '';
    client.onMessage((_operator, payload) => {
      const message = decodeClientMessage(payload);
      if (message.kind === 'print') text += new TextDecoder().decode(message.body);
    });
    const { status, error } = await client.result();
    client.close();
    assert.equal(status, 'FINISHED', JSON.stringify(error));
    return WRITING.has(file) ? linesIn(out) : withoutSubtask(linesOf(text));
  }

  for (const example of EXAMPLES) {
    test(`${example}: as in one process`, async () => {
      const expected = await alone(example, join(folder, `${example}-alone`));
      assert.ok(expected.length > 5, `${expected.length} lines`);
      const lines = await clustered(example, join(folder, `${example}-cluster`));
      assert.deepEqual(lines.toSorted(), expected.toSorted());
    });
  }
});

function pathOf(example: string): string {
  return join(REPOSITORY, 'examples', `${example}.ts`);
}

/** Every file begins with the line that names its columns. */
function linesIn(out: string): readonly string[] {
  const names = readdirSync(out).filter((name) => !name.startsWith('.'));
  return names.flatMap((name) => linesOf(readFileSync(join(out, name), 'utf8')).slice(1));
}

/** Lines of several subtasks begin with which it was. */
function withoutSubtask(lines: readonly string[]): string[] {
  return lines.map((line) => line.replace(/^\d+> /, ''));
}
