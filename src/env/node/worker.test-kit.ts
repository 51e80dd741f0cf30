/**
 * What the tests of workers run in theirs: one command, named by the data as JSON. The entry file
 * of both roles; test code, not published.
 */
import { milliseconds } from '../../base/units.ts';
import type { WorkerContext } from '../env.ts';
import { workerEntry } from './worker-entry.ts';

/** `command` and whatever it needs. */
export interface WorkerCommand {
  readonly command: keyof typeof commands;
  readonly url?: string;
  readonly count?: number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const commands = {
  /** Sends back what it gets, bytes and regions, until a message is empty. */
  echo(context: WorkerContext): void {
    context.port.receive((bytes, regions) => {
      if (bytes.byteLength === 0) context.exit();
      else context.port.post(bytes, regions);
    });
  },
  /** Answers every change of word 0 by adding one to word 1. */
  pingPong(context: WorkerContext): void {
    const region = region0(context);
    const answer = (seen: number): void => {
      region.wait(0, seen, () => {
        // Looked at before the answer, after which the other side may change it again.
        const next = region.load(0);
        region.add(1, 1);
        region.notify(1);
        answer(next);
      });
    };
    answer(0);
    say(context, 'ready');
  },
  /** Only waits for a word: nothing but its port keeps it alive. */
  waitForWord(context: WorkerContext): void {
    region0(context).wait(0, 0, () => {
      say(context, 'woken');
      context.exit();
    });
    say(context, 'ready');
  },
  /** Makes a region and hands it to the owner. */
  shareRegion(context: WorkerContext): void {
    const region = context.env.memory.allocate(64);
    region.store(2, 4242);
    context.port.post(encoder.encode('here'), [region]);
  },
  loop(context: WorkerContext): void {
    say(context, 'looping');
    // After the message has left.
    context.env.clock.soon(() => {
      for (;;);
    });
  },
  /** An endless loop of nothing but built-ins, optimised by V8 before it says a word. */
  loopOfBuiltIns(context: WorkerContext): void {
    allocate(1_000_000);
    say(context, 'looping');
    context.env.clock.soon(() => allocate(Infinity));
  },
  fillHeap(): void {
    const kept: object[] = [];
    for (let i = 0; ; i += 1) kept.push({ i, text: `object ${i}` });
  },
  throwAtOnce(): void {
    throw new RangeError('thrown by main');
  },
  throwLater(context: WorkerContext): void {
    context.env.clock.after(milliseconds(1), () => {
      throw new RangeError('thrown by a timer');
    });
  },
  throwText(context: WorkerContext): void {
    context.env.clock.soon(() => {
      // oxlint-disable-next-line typescript/only-throw-error
      throw 'only text';
    });
  },
  async rejectMain(context: WorkerContext): Promise<void> {
    await new Promise<void>((resolve) => context.env.clock.soon(resolve));
    throw new RangeError('rejected by main');
  },
  rejectUnhandled(): void {
    // oxlint-disable-next-line typescript/no-floating-promises
    Promise.reject(new RangeError('rejected and forgotten'));
  },
  exitWithCode(): void {
    process.exit(3);
  },
  /** Loads a job module and calls its `run` outside of any promise. */
  async runJob(context: WorkerContext, { url }: WorkerCommand): Promise<void> {
    const job = await context.env.modules.load(url ?? '');
    const run = job['run'] as () => void;
    context.env.clock.soon(run);
  },
  postManyAndExit(context: WorkerContext, { count = 0 }: WorkerCommand): void {
    for (let i = 0; i < count; i += 1) say(context, String(i));
    context.exit();
  },
  reportVariables(context: WorkerContext): void {
    say(context, JSON.stringify(context.env.terminal.variables));
  },
  async print(context: WorkerContext, { count = 0 }: WorkerCommand): Promise<void> {
    const { stdout } = context.env.terminal;
    for (let i = 0; i < count; i += 1) stdout.write(`line ${i}\n`);
    await stdout.flush();
    context.exit();
  },
  /** Writes on both streams as user code does, the last without the end of its line, and dies. */
  writeAndDie(_context: WorkerContext, { count = 0 }: WorkerCommand): void {
    for (let i = 0; i < count; i += 1) console.log(`line ${i} \u20ac`);
    console.error('first\n\nsecond');
    process.stdout.write('the last ');
    process.stdout.write('words');
    throw new Error('dead');
  },
  /** Tells what it writes by itself, inside the call. */
  tellOutput(context: WorkerContext): void {
    let runs = 'first';
    context.takeOutput((stream, text) => say(context, `${runs} ${stream} ${text}`));
    console.log('a', { b: 1 });
    runs = 'second';
    const euro = Buffer.from('\u20ac\n');
    process.stdout.write(euro.subarray(0, 2));
    process.stderr.write('c', () => say(context, 'written'));
    process.stdout.write(euro.subarray(2));
  },
  /** Says a word and its rest much later, and never returns to the event loop. */
  writeAndLoop(): void {
    process.stdout.write('begun');
    for (;;);
  },
  /** Logs, then never returns to the event loop. */
  logAndLoop(context: WorkerContext, { count = 0 }: WorkerCommand): void {
    for (let i = 0; i < count; i += 1) context.env.log.write('info', 'Still here', { i });
    say(context, 'logged');
    for (;;);
  },
};

function region0(context: WorkerContext): WorkerContext['regions'][number] {
  const region = context.regions[0];
  if (region === undefined) throw new Error('the worker was given no region');
  return region;
}

function say(context: WorkerContext, text: string): void {
  context.port.post(encoder.encode(text));
}

workerEntry((context) => {
  const command = JSON.parse(decoder.decode(context.data)) as WorkerCommand;
  return commands[command.command](context, command);
});

function allocate(count: number): void {
  const kept: object[] = [];
  for (let i = 0; i < count; i += 1) {
    kept.push({ x: new Array(100).fill(kept.length) });
    if (kept.length > 1000) kept.length = 0;
  }
}
