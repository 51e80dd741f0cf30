/**
 * A small distributed program that uses every part of the environment, to prove the simulator by:
 * clients send numbered increments until they are acknowledged; a server hands them to its worker,
 * which appends them to a log, syncs it and answers through shared memory; whatever dies is started
 * again and recovers. It can be built with mistakes, each of which the simulator must find.
 */
import { assert } from '../../src/base/assert.ts';
import { isEngineError } from '../../src/base/errors.ts';
import { milliseconds } from '../../src/base/units.ts';
import type {
  Connection,
  DiskFile,
  Env,
  SharedRegion,
  WorkerContext,
  WorkerHandle,
} from '../../src/env/env.ts';
import type { Simulation } from '../simulation.ts';
import { unattended } from './unattended.test-kit.ts';

/** Ways to get it wrong. */
export type Mistake =
  | 'no-sync'
  | 'no-folder-sync'
  | 'ignores-failed-sync'
  | 'no-checksum'
  | 'acknowledges-early';

export interface CounterOptions {
  readonly clients: number;
  readonly increments: number;
  readonly mistake?: Mistake | undefined;
}

const PORT = 9000;
const RECORD = 12;
const LOG = '/data/log';

/** What the test sees of a run. */
export interface CounterRun {
  /** Acknowledged increments, by client. */
  readonly acknowledged: readonly Set<number>[];
  readonly done: () => boolean;
}

/** The worker, to be given to `simulation`. */
export function counterWorker(mistake?: Mistake): (context: WorkerContext) => Promise<void> {
  return (context) => runLog(context, mistake);
}

/** Starts server and clients on hosts of their own. */
export function startCounter(world: Simulation, options: CounterOptions): CounterRun {
  world.host('server').supervise('server', (env) => serve(env), { restartDelay: 50 });
  const acknowledged = Array.from({ length: options.clients }, () => new Set<number>());
  acknowledged.forEach((seen, client) => {
    const main = (env: Env): Promise<undefined> => increment(env, client, options.increments, seen);
    world.host(`client-${client}`).supervise('client', main, { restartDelay: 50 });
  });
  return {
    acknowledged,
    done: () => acknowledged.every((seen) => seen.size === options.increments),
  };
}

/** The increments in the log, which must hold each once. */
export async function readLog(env: Env): Promise<ReadonlySet<string>> {
  const { records } = await recover(env, undefined);
  const found = new Set<string>();
  for (const record of records) {
    const key = nameOf(record);
    assert(!found.has(key), `${key} is in the log twice`);
    found.add(key);
  }
  return found;
}

// -------------------------------------------------------------------------------------- client

async function increment(
  env: Env,
  client: number,
  count: number,
  seen: Set<number>,
): Promise<undefined> {
  while (seen.size < count) {
    try {
      const connection = await env.network.connect('server', PORT);
      await session(env, connection, client, count, seen);
    } catch (error) {
      if (!isEngineError(error, 'NETWORK_FAILED')) throw error;
    }
    await new Promise<void>((resolve) => env.clock.after(milliseconds(30), resolve));
  }
  return undefined;
}

/** Sends what is not acknowledged, a few at a time, until all is or the connection has ended. */
function session(
  env: Env,
  connection: Connection,
  client: number,
  count: number,
  seen: Set<number>,
): Promise<void> {
  const input = new Records();
  let next = 1;
  let onTheWay = 0;
  let patience: Disposable | undefined;
  const waitAgain = (): void => {
    patience?.[Symbol.dispose]();
    patience = env.clock.after(milliseconds(2000), () => connection.destroy());
  };
  const sendMore = (): void => {
    for (; next <= count && onTheWay < 5; next++) {
      if (seen.has(next)) continue;
      connection.send(record(client, next));
      onTheWay += 1;
    }
    if (onTheWay === 0) connection.close();
  };
  return new Promise((resolve) => {
    connection.start({
      data: (bytes) => {
        for (const [from, sequence] of input.take(bytes)) {
          assert(from === client, `an answer to client ${from} came to ${client}`);
          onTheWay -= 1;
          seen.add(sequence);
        }
        waitAgain();
        sendMore();
      },
      drained: () => undefined,
      closed: () => {
        patience?.[Symbol.dispose]();
        resolve();
      },
    });
    waitAgain();
    sendMore();
  });
}

// -------------------------------------------------------------------------------------- server

/** Words of the region: how many answers the worker has written, and how many were taken. */
const WRITTEN = 0;
const TAKEN = 1;
const ANSWERS = 64;
const REGION_BYTES = 16 + ANSWERS * RECORD;

async function serve(env: Env): Promise<undefined> {
  const waiting = new Map<string, Connection>();
  let worker = startWorker(env, waiting);
  unattended(watch());
  await env.network.listen('0.0.0.0', PORT, (connection) => {
    const input = new Records();
    connection.start({
      data: (bytes) => {
        for (const [client, sequence] of input.take(bytes)) {
          const request = record(client, sequence);
          waiting.set(nameOf(request), connection);
          worker.port.post(request);
        }
      },
      drained: () => undefined,
      closed: () => undefined,
    });
  });
  return undefined;

  async function watch(): Promise<void> {
    for (;;) {
      const reason = await worker.exited;
      env.log.write('warn', 'worker has ended', { reason: reason.kind });
      for (const connection of waiting.values()) connection.destroy();
      waiting.clear();
      await new Promise<void>((resolve) => env.clock.after(milliseconds(20), resolve));
      worker = startWorker(env, waiting);
    }
  }
}

function startWorker(env: Env, waiting: Map<string, Connection>): WorkerHandle {
  const region = env.memory.allocate(REGION_BYTES);
  const worker = env.workers.spawn('slot', {
    name: 'log',
    data: new Uint8Array(0),
    regions: [region],
  });
  worker.port.receive(() => undefined);
  const takeAnswers = (): void => {
    const written = region.load(WRITTEN);
    let taken = region.load(TAKEN);
    for (; taken !== written; taken++) {
      const at = 16 + (taken % ANSWERS) * RECORD;
      const answer = region.bytes.slice(at, at + RECORD);
      const key = nameOf(answer);
      waiting.get(key)?.send(answer);
      waiting.delete(key);
    }
    region.store(TAKEN, taken);
    region.notify(TAKEN);
    region.wait(WRITTEN, written, takeAnswers);
  };
  takeAnswers();
  return worker;
}

// -------------------------------------------------------------------------------------- worker

async function runLog(context: WorkerContext, mistake: Mistake | undefined): Promise<void> {
  const { env, port } = context;
  const region = context.regions[0] as SharedRegion;
  const { records, file } = await recover(env, mistake);
  const known = new Set(records.map(nameOf));
  let end = records.length * RECORD;
  let queue: Uint8Array[] = [];
  let busy = false;
  const work = async (): Promise<void> => {
    busy = true;
    while (queue.length > 0) {
      const batch = queue;
      queue = [];
      if (mistake === 'acknowledges-early') await answerAll(region, batch);
      for (const request of batch) {
        if (known.has(nameOf(request))) continue;
        known.add(nameOf(request));
        await file.write(request.slice(), end);
        end += RECORD;
      }
      await syncFile(file, mistake);
      if (mistake !== 'acknowledges-early') await answerAll(region, batch);
    }
    busy = false;
  };
  port.receive((bytes) => {
    queue.push(bytes);
    if (!busy) unattended(work());
  });
  port.post(new Uint8Array(1));
}

async function answerAll(region: SharedRegion, batch: readonly Uint8Array[]): Promise<void> {
  for (const answer of batch) {
    const written = region.load(WRITTEN);
    for (;;) {
      const taken = region.load(TAKEN);
      if (written - taken < ANSWERS) break;
      await new Promise<void>((resolve) => region.wait(TAKEN, taken, resolve));
    }
    region.bytes.set(answer, 16 + (written % ANSWERS) * RECORD);
    region.store(WRITTEN, written + 1);
    region.notify(WRITTEN);
  }
}

async function syncFile(file: DiskFile, mistake: Mistake | undefined): Promise<void> {
  if (mistake === 'no-sync') return;
  try {
    await file.sync();
  } catch (error) {
    if (mistake !== 'ignores-failed-sync') throw error;
  }
}

/** Reads the whole records of the log and writes them to a new one, which takes its place. */
async function recover(
  env: Env,
  mistake: Mistake | undefined,
): Promise<{ readonly records: readonly Uint8Array[]; readonly file: DiskFile }> {
  await env.disk.makeDirectory('/data');
  await env.disk.syncDirectory('/');
  const records = await readRecords(env, mistake);
  const fresh = `${LOG}.new`;
  const file = await env.disk.open(fresh, 'write');
  for (const [index, each] of records.entries()) await file.write(each.slice(), index * RECORD);
  if (mistake !== 'no-sync') await file.sync();
  await env.disk.rename(fresh, LOG);
  if (mistake !== 'no-folder-sync') await env.disk.syncDirectory('/data');
  return { records, file };
}

async function readRecords(env: Env, mistake: Mistake | undefined): Promise<readonly Uint8Array[]> {
  if ((await env.disk.stat(LOG)) === undefined) return [];
  const file = await env.disk.open(LOG, 'read');
  const bytes = new Uint8Array(await file.size());
  await file.read(bytes, 0);
  await file.close();
  const records: Uint8Array[] = [];
  for (let at = 0; at + RECORD <= bytes.length; at += RECORD) {
    const each = bytes.slice(at, at + RECORD);
    const [client, sequence] = parse(each);
    const sound = each.every((byte, index) => byte === record(client, sequence)[index]);
    if (!sound && mistake !== 'no-checksum') break;
    records.push(each);
  }
  return records;
}

// ------------------------------------------------------------------------------------- records

function record(client: number, sequence: number): Uint8Array {
  const bytes = new Uint8Array(RECORD);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, client);
  view.setUint32(4, sequence);
  view.setUint32(8, Math.imul(client + 7, 0x9e37_79b1) ^ Math.imul(sequence + 3, 0x85eb_ca6b));
  return bytes;
}

function parse(bytes: Uint8Array): readonly [client: number, sequence: number] {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return [view.getUint32(0), view.getUint32(4)];
}

function nameOf(bytes: Uint8Array): string {
  return parse(bytes).join(':');
}

/** Puts records together again that come in pieces. */
class Records {
  #rest: Uint8Array = new Uint8Array(0);

  take(bytes: Uint8Array): readonly (readonly [client: number, sequence: number])[] {
    const all = new Uint8Array(this.#rest.length + bytes.length);
    all.set(this.#rest);
    all.set(bytes, this.#rest.length);
    const found: (readonly [number, number])[] = [];
    let at = 0;
    for (; at + RECORD <= all.length; at += RECORD) found.push(parse(all.subarray(at)));
    this.#rest = all.slice(at);
    return found;
  }
}
