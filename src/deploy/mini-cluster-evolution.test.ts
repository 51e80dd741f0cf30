// A savepoint and later versions of its program: what can go on does, at any parallelism, and what
// cannot is refused with a name before anything of the job runs.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, describe, test } from 'node:test';
import { isEngineError } from '../base/errors.ts';
import type { EngineError } from '../base/errors.ts';
import { milliseconds } from '../base/units.ts';
import type { JobClient } from '../client/job-client.ts';
import { Configuration } from '../config/configuration.ts';
import { atWork } from './at-work.test-kit.ts';
import { USERS } from './evolving-jobs.test-kit.ts';
import type { Version } from './evolving-jobs.test-kit.ts';
import { MiniCluster } from './mini-cluster.ts';
import { clusterEnv } from './cluster-env.test-kit.ts';

const JOBS = new URL('./evolving-jobs.test-kit.ts', import.meta.url).href;
const RECORDS = 3000;

type Settings = Readonly<Record<string, string>>;
type Parameters = Readonly<Record<string, unknown>>;

const env = clusterEnv();
const folder = mkdtempSync(join(tmpdir(), 'millrace-evolution-'));

let cluster: MiniCluster;
/** Of the first version at a parallelism of 2, in the middle of its records. */
let savepoint: string;
/** The same with 6 key groups. */
let sixGroups: string;
let marked = 0;

/** Written when the job is built. */
const marksOf = (job: number): string => join(folder, `marks-${job}`);

async function submit(
  version: Version,
  settings: Settings = {},
  parameters: Parameters = {},
): Promise<JobClient> {
  const marks = marksOf(marked++);
  return cluster.submit({
    jobId: env.random.uuid(),
    ...{ moduleUrl: JOBS, exportName: 'evolving' },
    parameters: { version, marks, records: RECORDS, rate: 50_000, ...parameters },
    configuration: {
      'parallelism.default': '2',
      'execution.checkpointing.dir': join(folder, 'checkpoints'),
      // Every state in a file of its own.
      'execution.checkpointing.data-inline-threshold': '0b',
      // A job that is refused must not begin again and again.
      'restart-strategy.type': 'fixed-delay',
      'restart-strategy.fixed-delay.attempts': '1000',
      ...settings,
    },
  });
}

async function savepointOf(parameters: Parameters = {}): Promise<string> {
  const client = await submit('first', {}, { rate: 1000, ...parameters });
  return savepointOfRunning(client);
}

function pause(millis: number): Promise<void> {
  return new Promise<void>((resolve) => env.clock.after(milliseconds(millis), resolve));
}

/** Some way into its records; the job ends with it. */
async function savepointOfRunning(client: JobClient): Promise<string> {
  await atWork(env, client);
  await pause(200);
  const { location } = await client.triggerSavepoint({ directory: join(folder, 'savepoints') });
  await client.cancel();
  await client.result();
  return location;
}

before(async () => {
  const configuration = Configuration.parse({});
  cluster = await MiniCluster.start({ env, slots: 3, spareWorkers: 2, configuration });
  savepoint = await savepointOf();
  sixGroups = await savepointOf({ maxParallelism: 6 });
});

after(async () => {
  await cluster.close();
  rmSync(folder, { recursive: true });
});

const from = (path: string, settings: Settings = {}): Settings => ({
  'execution.state-recovery.path': path,
  ...settings,
});
const LEAVE_BEHIND: Settings = { 'execution.state-recovery.ignore-unclaimed-state': 'true' };

/** What it has printed when it comes to its end. */
async function printed(client: JobClient): Promise<readonly string[]> {
  const texts: string[] = [];
  client.onMessage((_operator, payload) => void texts.push(new TextDecoder().decode(payload)));
  const result = await client.result();
  assert.equal(result.status, 'FINISHED', JSON.stringify(result.error));
  const lines = texts.join('').split('\n').filter(Boolean);
  return lines.map((line) => /user .*$/.exec(line)![0].trim()).toSorted();
}

/** Whoever submits it is told so at once, and no slot hears of the job. */
async function refusal(
  ...submission: readonly [Version, Settings, Parameters?]
): Promise<EngineError> {
  const before = marked;
  let refused: unknown;
  try {
    await submit(...submission);
  } catch (error) {
    refused = error;
  }
  assert.ok(isEngineError(refused), 'it was not refused');
  // By the coordinator, which compares two builds; every slot would have built it as well.
  assert.equal(readFileSync(marksOf(before), 'utf8'), 'built\nbuilt\n', 'nothing was deployed');
  return refused;
}

/** Every order of every user counts once. */
function expected(currency = ''): readonly string[] {
  return Array.from({ length: USERS }, (_, user) => {
    const orders = RECORDS / USERS;
    const sum = orders * user + USERS * ((orders * (orders - 1)) / 2);
    return `user ${user}: ${sum} of ${orders} ${currency}`.trim();
  });
}

test('the same program goes on at another parallelism', async () => {
  const settings = from(savepoint, { 'parallelism.default': '3' });
  assert.deepEqual(await printed(await submit('first', settings)), expected());
});

test('a field with a default, a renamed and a widened one go on', async () => {
  const lines = await printed(await submit('evolved', from(savepoint)));
  assert.deepEqual(lines, expected('EUR'));
});

test('a key that was renamed by a declared alias goes on', async () => {
  assert.deepEqual(await printed(await submit('alias', from(savepoint))), expected());
});

test('a key by a function of which nothing is known goes on', async () => {
  assert.deepEqual(await printed(await submit('computed', from(savepoint))), expected());
});

describe('what cannot go on is refused before anything runs, by name', () => {
  const CASES: readonly (readonly [Version, string, RegExp, RegExp])[] = [
    [
      'field',
      'a field of another type',
      /"sums" of "process".* because of value\.sum: it was int32, and is string/,
      /declare a migration/,
    ],
    ['kind', 'a state of another kind', /"sums" .*a value state, and is a list state/, /name/],
    [
      'key',
      'keys of another type',
      /because of the key: it was string, and is int32/,
      /another uid/,
    ],
    ['list', 'a list of the operator', /"operatorState\.seen" .* it was int32, and is string/, /./],
    [
      'window',
      'the accumulator of windows',
      /"window-contents" .* it was int32, and is string/,
      /./,
    ],
    [
      'selector',
      'another field as the key',
      /"window-contents", "window-counts" of "window\.aggregate".* because of the key: it was user of the record, and is item\./,
      /same key, or give the operator another uid.* alias: 'user'/,
    ],
    [
      'source',
      'another source under the uid of one',
      /"enumerator" of "Source: generator".* because of value: it was array, and is struct/,
      /./,
    ],
    [
      'trigger',
      'a trigger for which windows are kept otherwise',
      /"window-contents" .* it was a value state/,
      /./,
    ],
  ];
  for (const [version, what, message, fix] of CASES) {
    test(what, async () => {
      const error = await refusal(version, from(savepoint));
      assert.equal(error.code, 'STATE_NOT_EVOLVABLE');
      assert.match(error.message, message);
      assert.match(error.fix ?? '', fix);
    });
  }

  test('with CLAIM, too, which leaves the files alone', async () => {
    const files = (): readonly string[] => readdirSync(fileURLToPath(savepoint)).toSorted();
    const before = files();
    const claimed = from(savepoint, { 'execution.state-recovery.claim-mode': 'CLAIM' });
    const error = await refusal('field', claimed);
    assert.equal(error.code, 'STATE_NOT_EVOLVABLE');
    assert.deepEqual(files(), before);
  });
});

describe('an operator that is not there any more', () => {
  test('is refused by name', async () => {
    const error = await refusal('without', from(savepoint));
    assert.equal(error.code, 'RESTORE_STATE_UNCLAIMED');
    assert.match(error.message, /"process" \(uid sums\)/);
    assert.match(error.fix ?? '', /--allowNonRestoredState/);
  });

  test('is left behind where that is allowed, and the rest goes on', async () => {
    assert.deepEqual(await printed(await submit('without', from(savepoint, LEAVE_BEHIND))), []);
  });
});

describe('an operator that has no keys any more', () => {
  test('is refused by name, with its states', async () => {
    const error = await refusal('unkeyed', from(savepoint));
    assert.equal(error.code, 'RESTORE_STATE_UNCLAIMED');
    const named = /"process" \(uid sums\), which is the map "map" now \(keyed state "sums"\)/;
    assert.match(error.message, named);
    assert.match(error.fix ?? '', /--allowNonRestoredState/);
  });

  test('goes on without them where that is allowed, and needs no permission again', async () => {
    const client = await submit('unkeyed', from(savepoint, LEAVE_BEHIND), { rate: 1000 });
    const location = await savepointOfRunning(client);
    assert.deepEqual(await printed(await submit('unkeyed', from(location))), []);
  });
});

describe('the number of key groups', () => {
  test('is taken over where the job does not say one', async () => {
    const settings = from(sixGroups, { 'parallelism.default': '3' });
    assert.deepEqual(await printed(await submit('first', settings)), expected());
  });

  test('is kept, and goes on to the next checkpoint', async () => {
    const client = await submit('first', from(sixGroups), { rate: 1000 });
    const location = await savepointOfRunning(client);
    const second = await submit('first', from(location), { maxParallelism: 6 });
    assert.deepEqual(await printed(second), expected());
  });

  test('another one that the job says is refused by name', async () => {
    const error = await refusal('first', from(sixGroups), { maxParallelism: 7 });
    assert.equal(error.code, 'RESTORE_OTHER_KEY_GROUPS');
    assert.match(error.message, /"process" .* in 6 groups, and now there are to be 7/);
    assert.match(error.fix ?? '', /Set neither .* or set it to 6/);
  });

  test('is the highest parallelism', async () => {
    const settings = from(sixGroups, { 'parallelism.default': '7' });
    const error = await refusal('first', settings);
    assert.equal(error.code, 'RESTORE_TOO_FEW_KEY_GROUPS');
    assert.match(error.message, /parallelism 7: its keys are in 6 groups/);
    assert.match(error.fix ?? '', /at most 6/);
  });
});
