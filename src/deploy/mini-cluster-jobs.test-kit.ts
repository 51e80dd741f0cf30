// Jobs for the tests of the mini cluster: their functions misbehave in every way that user code
// can.
import { EngineError } from '../base/errors.ts';
import { seconds } from '../base/units.ts';
import type { DataStream } from '../api/data-stream.ts';
import { defineJob } from '../api/define-job.ts';
import { discard } from '../connectors/discard/discard.ts';
import { generator } from '../connectors/generator/generator.ts';
import type { Counter } from '../functions/metric-group.ts';
import type { OpenContext } from '../functions/function-context.ts';
import type { Sink } from '../functions/sink.ts';
import { t } from '../types/index.ts';

const RECORDS = 1000;

export const counts = defineJob({
  name: 'counts',
  build(env) {
    env
      .sequence(1, RECORDS)
      .keyBy((n) => n % 10)
      .sum()
      .sinkTo(discard({ checksum: () => 1 }));
  },
});

/** Two regions with slots of their own. */
export const twoParts = defineJob({
  name: 'two-parts',
  build(env) {
    for (const group of ['first', 'second']) {
      env.sequence(1, RECORDS).slotSharingGroup(group).sinkTo(discard());
    }
  },
});

/** One region that ends, and one that does not. */
export const halfEndless = defineJob({
  name: 'half-endless',
  build(env) {
    env.sequence(1, RECORDS).slotSharingGroup('first').sinkTo(discard());
    const endless = generator(t.int32, (n) => n, { ratePerSecond: 100 });
    env.from(endless).slotSharingGroup('second').sinkTo(discard());
  },
});

export const prints = defineJob({
  name: 'prints',
  build(env) {
    env.sequence(1, 5).print();
  },
});

/** More than may be under way to a client that does not take it. */
export const printsMuch = defineJob({
  name: 'prints-much',
  build(env) {
    env.sequence(1, 400_000).print();
  },
});

export const throws = defineJob({
  name: 'throws',
  build(env) {
    env
      .sequence(1, 10)
      .map((n) => {
        if (n === 7) throw new RangeError('seven is too much');
        return n;
      })
      .sinkTo(discard());
  },
});

/** Prints a record that fits into no message. */
export const printsTooMuch = defineJob({
  name: 'prints-too-much',
  build(env) {
    env
      .sequence(1, 3)
      .map((n) => (n === 2 ? 'x'.repeat(20_000_000) : String(n)))
      .print();
  },
});

export const throwsTooMuch = defineJob({
  name: 'throws-too-much',
  build(env) {
    env
      .sequence(1, 3)
      .map((n) => {
        if (n === 2) throw new Error('E'.repeat(50_000_000));
        return n;
      })
      .sinkTo(discard());
  },
});

/** What it prepares for its commit fits into no message. */
export const preparesTooMuch = defineJob({
  name: 'prepares-too-much',
  build(env) {
    env.sequence(1, 3).sinkTo(commitSink({ failures: 0, filler: 'x'.repeat(20_000_000) }));
  },
});

/** Runs without end and hardly does anything. */
export const dawdles = defineJob({
  name: 'dawdles',
  build(env) {
    let seen: Counter | undefined;
    env
      .from(generator(t.integer, (index) => index, { ratePerSecond: 20 }))
      .process({
        emits: t.integer,
        open: (context) => {
          seen = context.metrics.counter('seen');
        },
        onElement: (n, context) => {
          seen!.increment();
          context.emit(n);
        },
      })
      .sinkTo(discard());
  },
});

export const spins = defineJob({
  name: 'spins',
  build(env) {
    env
      .sequence(1, 10)
      .map((n) => {
        for (;;) if (n < 0) return n;
      })
      .sinkTo(discard());
  },
});

/** Calls `touch` with every record, and with what its subtask and attempt are. */
function touching(
  stream: DataStream<number>,
  touch: (n: number, context: OpenContext) => void,
): DataStream<number> {
  const opened: OpenContext[] = [];
  return stream.process({
    emits: t.float64,
    open: (context) => void opened.push(context),
    onElement(n, ctx) {
      touch(n, opened[0]!);
      ctx.emit(n);
    },
  });
}

/** Two subtasks in two slots; one of them never comes back from its first record. */
export const halfSpins = defineJob({
  name: 'half-spins',
  build(env) {
    touching(env.sequence(1, 1e12), (n, { subtask }) => {
      if (subtask !== 0) return;
      let i = n;
      while (i >= 0) i += 1;
    }).sinkTo(discard());
  },
});

/** Runs `fault` on the last record, in the first attempt. */
function failingOnce(stream: DataStream<number>, fault: () => void): DataStream<number> {
  return touching(stream, (n, { attempt }) => {
    if (attempt === 1 && n === RECORDS) fault();
  });
}

export const diesOnce = defineJob({
  name: 'dies-once',
  build(env) {
    failingOnce(env.sequence(1, RECORDS), () => process.exit(3)).sinkTo(discard());
  },
});

export const throwsLaterOnce = defineJob({
  name: 'throws-later-once',
  build(env) {
    failingOnce(env.sequence(1, RECORDS), () => {
      setImmediate(() => {
        throw new Error('nobody looks');
      });
    })
      .asyncMap((n) => new Promise<number>((resolve) => setImmediate(() => resolve(n))), {
        order: 'unordered',
        timeout: seconds(10),
      })
      .sinkTo(discard());
  },
});

export const failsOnce = defineJob({
  name: 'fails-once',
  build(env) {
    failingOnce(env.sequence(1, RECORDS), () => {
      throw new EngineError('NETWORK_FAILED', { operation: 'reach', address: 'x', reason: 'test' });
    }).sinkTo(discard());
  },
});

/** Fills its heap in a group of its own, beside a source in a slot of the same group. */
export const hoardsInSmallSlot = defineJob({
  name: 'hoards-in-small-slot',
  build(env) {
    const kept: object[] = [];
    const small = { name: 'small', cpu: 0.25, taskHeapMemory: '24 mb' };
    env
      .sequence(1, 1e9)
      .slotSharingGroup({ name: 'tiny', cpu: 0.5, taskHeapMemory: '128 mb' })
      .map((n) => {
        kept.push({ n, text: `${n}` });
        return n;
      })
      .slotSharingGroup(small)
      .sinkTo(discard());
  },
});

export const hoards = defineJob({
  name: 'hoards',
  build(env) {
    const kept: object[] = [];
    env
      .sequence(1, 1e9)
      .map((n) => {
        kept.push({ n, text: `${n}` });
        return n;
      })
      .sinkTo(discard());
  },
});

export const loads = defineJob({
  name: 'loads',
  build(env) {
    env.sequence(1, 10).sinkTo(commitSink({ failures: 0 }));
  },
});

export const commitsLate = defineJob({
  name: 'commits-late',
  build(env) {
    env.sequence(1, 10).sinkTo(commitSink({ failures: 1 }));
  },
});

export const neverCommits = defineJob({
  name: 'never-commits',
  build(env) {
    env.sequence(1, 10).sinkTo(commitSink({ failures: Infinity, fatal: true }));
  },
});

/** A sink whose committer tells the client what it commits, after some failures. */
function commitSink({
  failures,
  fatal = false,
  filler = '',
}: {
  failures: number;
  fatal?: boolean;
  filler?: string;
}): Sink<number, string> {
  return {
    kind: 'sink',
    name: 'commit',
    accepts: t.float64,
    committable: t.string,
    createWriter(context) {
      const written: unknown[] = [];
      return {
        write: (value) => void written.push(value),
        flush: () => undefined,
        prepareCommit: () => [`${context.subtask}: ${written.join(' ')}${filler}`],
        close: () => undefined,
      };
    },
    createCommitter(context) {
      return {
        async commit(requests) {
          if (context.attempt <= failures) {
            throw fatal
              ? new EngineError('DATA_MALFORMED', { field: 'x', reason: 'no' })
              : new EngineError('IO_NO_SPACE', { operation: 'commit', path: 'x' });
          }
          for (const { committable: each } of requests) {
            await context.sendToClient(new TextEncoder().encode(each));
          }
        },
      };
    },
  };
}

let builds = 0;

export const differs = defineJob({
  name: 'differs',
  build(env) {
    env.sequence(1, ++builds).print();
  },
});
