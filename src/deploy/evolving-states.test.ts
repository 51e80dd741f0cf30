// Every kind of state, and every change of what it keeps: either what was stored goes on as what
// the later version declares, with the right values, or the version is refused before anything of
// it is deployed, by the names of operator, state and field, with what is to be done.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { isEngineError } from '../base/errors.ts';
import type { EngineError } from '../base/errors.ts';
import { milliseconds } from '../base/units.ts';
import type { JobClient } from '../client/job-client.ts';
import { Configuration } from '../config/configuration.ts';
import { graphFrom } from '../jobmaster/job-start.ts';
import type { JobStart } from '../jobmaster/job-start.ts';
import { graphWithStates } from '../operators/declared-states.ts';
import { describeSavepoint } from '../state-processor/inspect.ts';
import { processorFileSystems } from '../state-processor/processor-file-systems.ts';
import { SavepointReader } from '../state-processor/savepoint-reader.ts';
import { readCheckpoint } from '../storage/stored-checkpoint.ts';
import { clusterEnv } from './cluster-env.test-kit.ts';
import { evolvingStates, KINDS } from './evolving-states.test-kit.ts';
import { CHANGES, LAST, textOf } from './evolving-values.test-kit.ts';
import type { Change, Kind, Outcome } from './evolving-values.test-kit.ts';
import { MiniCluster } from './mini-cluster.ts';

const JOBS = new URL('./evolving-states.test-kit.ts', import.meta.url).href;
const ALL = Object.keys(CHANGES) as Change[];
/** Each tells that it has given its records. */
const SOURCES = 3;

const env = clusterEnv();
const folder = mkdtempSync(join(tmpdir(), 'millrace-evolving-'));
const fileSystems = processorFileSystems({});

let cluster: MiniCluster;
let savepoint: string;
let start: JobStart;

/** What becomes of a kind of state. */
function outcomeOf(kind: Kind, change: Change): Required<Outcome> | { readonly kept: undefined } {
  const otherwise = kind.otherwise?.[change];
  if (otherwise?.kept !== undefined) return otherwise as Required<Outcome>;
  // What takes no migration is as it was.
  const own = change === 'migration' && kind.migrates === false ? 'same' : change;
  const { kept, made } = CHANGES[own];
  if (otherwise?.refused !== undefined || kept === undefined) return { kept: undefined };
  return { kept: kind.told(kept, made(LAST)) } as Required<Outcome>;
}

const kindsOf = (change: Change): readonly string[] =>
  Object.keys(KINDS).filter((name) => outcomeOf(KINDS[name]!, change).kept !== undefined);

async function submit(
  parameters: Readonly<Record<string, unknown>>,
  settings: Readonly<Record<string, string>> = {},
): Promise<JobClient> {
  return cluster.submit({
    jobId: env.random.uuid(),
    ...{ moduleUrl: JOBS, exportName: 'evolvingStates', parameters },
    configuration: {
      'execution.checkpointing.dir': join(folder, 'checkpoints'),
      'restart-strategy.type': 'none',
      ...settings,
    },
  });
}

function linesOf(told: string): readonly string[] {
  try {
    return readFileSync(told, 'utf8').split('\n').filter(Boolean);
  } catch {
    return [];
  }
}

before(async () => {
  const configuration = Configuration.parse({});
  cluster = await MiniCluster.start({ env, slots: 1, spareWorkers: 1, configuration });
  const told = join(folder, 'first');
  const client = await submit({ told });
  while (linesOf(told).filter((line) => line.endsWith('|read')).length < SOURCES) {
    await new Promise<void>((resolve) => env.clock.after(milliseconds(5), resolve));
    const { status } = await client.details();
    assert.ok(['INITIALIZING', 'CREATED', 'RUNNING'].includes(status), status);
  }
  const { location } = await client.triggerSavepoint({ directory: join(folder, 'savepoints') });
  savepoint = location;
  await client.cancel();
  await client.result();
  const { metadata } = await readCheckpoint(fileSystems, savepoint);
  const settings = { path: savepoint, allowNonRestored: true };
  start = { restored: [{ metadata }], isFirst: true, settings } as unknown as JobStart;
});

after(async () => {
  await cluster.close();
  rmSync(folder, { recursive: true });
});

test('the savepoint tells of what the enumerator keeps', async () => {
  const { operators } = await describeSavepoint(await SavepointReader.read(savepoint));
  const described = operators.find(({ uid }) => uid === 'enumerator')!;
  assert.equal(described.enumerator, '{n: int32, note: string}');
  assert.ok(described.enumeratorBytes! > 0);
});

describe('what goes on has the values that it had', () => {
  for (const change of ALL.filter((each) => CHANGES[each].kept !== undefined)) {
    test(change, async () => {
      const kinds = kindsOf(change);
      const told = join(folder, change.replaceAll(' ', '-'));
      const client = await submit(
        { change, told, kinds: kinds.join(','), isLater: true },
        {
          'execution.state-recovery.path': savepoint,
          'execution.state-recovery.ignore-unclaimed-state': 'true',
        },
      );
      const { status, error } = await client.result();
      assert.equal(status, 'FINISHED', JSON.stringify(error));
      const lines = linesOf(told);
      for (const name of kinds) {
        const found = lines.flatMap((line) =>
          line.startsWith(`${name}|`) ? [line.slice(name.length + 1)] : [],
        );
        const { kept } = outcomeOf(KINDS[name]!, change);
        assert.deepEqual(found.toSorted(), kept!.map(textOf).toSorted(), name);
      }
    });
  }
});

/** What a start with one kind of state would be told. */
async function refusalOf(name: string, change: Change): Promise<EngineError | undefined> {
  const job = evolvingStates.compile({
    parameters: { kinds: name, change, isLater: true },
    configuration: {},
  });
  const log = { write: () => undefined };
  try {
    await graphFrom(start, await graphWithStates(job), { fileSystems, log } as never);
    return undefined;
  } catch (error) {
    assert.ok(isEngineError(error), String(error));
    return error;
  }
}

describe('before anything is deployed', () => {
  for (const change of ALL.filter((each) => CHANGES[each].kept === undefined)) {
    test(`whoever submits the job is told: ${change}`, async () => {
      const told = join(folder, change.replaceAll(' ', '-'));
      const restored = { 'execution.state-recovery.path': savepoint };
      await assert.rejects(submit({ change, told, isLater: true }, restored), (error) =>
        isEngineError(error, 'RESTORE_COMMITTABLES_CHANGED'),
      );
      assert.deepEqual(linesOf(told), [], 'nothing has run');
    });
  }

  for (const [name, kind] of Object.entries(KINDS)) {
    test(name, async () => {
      for (const change of ALL) {
        const error = await refusalOf(name, change);
        const { kept } = outcomeOf(kind, change);
        if (kept !== undefined) {
          assert.equal(error, undefined, `${change}: ${error?.message}`);
          continue;
        }
        assert.ok(error !== undefined, `${change} is not refused`);
        requireTold(error, { name, kind, change });
      }
    });
  }
});

interface Refused {
  readonly name: string;
  readonly kind: Kind;
  readonly change: Change;
}

/** By operator, state, field, reason and fix. */
function requireTold(error: EngineError, { name, kind, change }: Refused): void {
  assert.equal(error.code, kind.code ?? 'STATE_NOT_EVOLVABLE', error.message);
  assert.ok(error.message.includes(`"${name}"`) || name === 'enumerator', error.message);
  if (kind.code === undefined) assert.ok(error.message.includes(`"${kind.state}"`), error.message);
  const otherwise = kind.otherwise?.[change]?.refused;
  if (otherwise !== undefined) {
    assert.match(error.message, otherwise);
    assert.match(error.fix ?? '', /\w/);
    return;
  }
  const [field, reason, fix] = CHANGES[change].refusal!;
  assert.ok(error.message.includes(`${kind.at}.${field}: `), `${change}: ${error.message}`);
  assert.match(error.message, reason);
  assert.match(error.fix ?? '', fix);
}
