/**
 * Where a worker is just now: V8 stops it for an instant, tells its frames, and lets it go on. It
 * works from outside, so that code which never comes back can be found.
 *
 * Invariants
 * S1. Whatever happens, the thread goes on: who leaves it takes back what was asked of it.
 */
import type { Session } from 'node:inspector';
import type { Worker } from 'node:worker_threads';
import { milliseconds, type Duration } from '../../base/units.ts';
import { call, connect } from './inspector-session.ts';
import { placeAt } from './profile-sources.ts';
import { findMap } from './source-maps.ts';

/** A thread that has heard the question, and runs no JavaScript within it, waits for something. */
const PATIENCE = milliseconds(100);
const FRAMES_MAX = 64;

/** Innermost first, as stacks of errors have them; empty: it waits in its event loop. */
export async function stackOf(worker: Worker): Promise<readonly string[]> {
  const session = connect();
  try {
    const thread = await WorkerSession.attach(session, worker.threadId);
    return thread === undefined ? [] : await thread.frames();
  } finally {
    // S1. V8 lets go on what a session that ends has stopped.
    session.disconnect();
  }
}

interface Frame {
  readonly functionName: string;
  readonly location: {
    readonly scriptId: string;
    readonly lineNumber: number;
    readonly columnNumber?: number;
  };
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: {
    /** Of `Debugger.paused`. */
    readonly callFrames?: readonly Frame[];
    /** Of `Debugger.scriptParsed`. */
    readonly scriptId?: string;
    readonly url?: string;
  };
}

/** The inspector of another thread, reached by that of this one. */
class WorkerSession {
  readonly #session: Session;
  readonly #id: string;
  readonly #paused = Promise.withResolvers<readonly Frame[]>();
  readonly #answers = new Map<number, () => void>();
  readonly #scripts = new Map<string, string>();
  #calls = 0;

  private constructor(session: Session, id: string) {
    this.#session = session;
    this.#id = id;
    session.on('NodeWorker.receivedMessageFromWorker', ({ params }) => {
      if (params.sessionId === id) this.#receive(JSON.parse(params.message) as Message);
    });
  }

  /** Undefined if the thread is not there any more. */
  static async attach(session: Session, threadId: number): Promise<WorkerSession | undefined> {
    let found: string | undefined;
    session.on('NodeWorker.attachedToWorker', ({ params }) => {
      const { title } = params.workerInfo;
      if (title.startsWith(`[worker ${threadId}]`)) found = params.sessionId;
    });
    await call(session, 'NodeWorker.enable', { waitForDebuggerOnStart: false });
    return found === undefined ? undefined : new WorkerSession(session, found);
  }

  async frames(): Promise<readonly string[]> {
    await this.#ask('Debugger.enable');
    await this.#ask('Debugger.pause');
    const frames = await Promise.race([this.#paused.promise, after(PATIENCE)]);
    await this.#ask('Debugger.disable');
    return (frames ?? []).slice(0, FRAMES_MAX).map((frame) => this.#textOf(frame));
  }

  #ask(method: string): Promise<void> {
    this.#calls += 1;
    const id = this.#calls;
    const message = JSON.stringify({ id, method, params: {} });
    const answered = new Promise<void>((resolve) => this.#answers.set(id, resolve));
    // It ends with the thread.
    call(this.#session, 'NodeWorker.sendMessageToWorker', { sessionId: this.#id, message }).catch(
      () => undefined,
    );
    return answered;
  }

  #receive({ id, method, params }: Message): void {
    if (id !== undefined) this.#answers.get(id)?.();
    const { scriptId, url } = params ?? {};
    if (method === 'Debugger.scriptParsed') this.#scripts.set(scriptId!, url ?? '');
    if (method !== 'Debugger.paused') return;
    this.#ask('Debugger.resume').catch(() => undefined);
    this.#paused.resolve(params?.callFrames ?? []);
  }

  /** As in the stack of an error, with the place in the source. */
  #textOf({ functionName, location }: Frame): string {
    const { scriptId, lineNumber: line, columnNumber: column = 0 } = location;
    const url = this.#scripts.get(scriptId) ?? '';
    const name = functionName === '' ? '<anonymous>' : functionName;
    if (url === '') return `${name} (native)`;
    const place = placeAt(findMap, url, line, column) ?? { source: url, line, column };
    return `${name} (${place.source}:${place.line + 1}:${place.column + 1})`;
  }
}

function after(span: Duration): Promise<undefined> {
  return new Promise((resolve) => setTimeout(resolve, span, undefined));
}
