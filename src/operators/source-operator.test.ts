// The event time of a source: of each split by itself, combined, over idleness and restores, and
// in step with other sources.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { isEngineError } from '../base/errors.ts';
import { milliseconds, seconds, type Timestamp } from '../base/units.ts';
import type { WatermarkStrategy } from '../functions/watermark-strategy.ts';
import { runOf, SourceRun, stateAfter } from './source-operator.test-kit.ts';

const byValue: WatermarkStrategy<unknown> = { timestamp: (value) => value as number };
const at = (millis: number): Timestamp => millis as Timestamp;

describe('SourceOperator', () => {
  test('without a strategy records keep the timestamps of the source, and time has only an end', () => {
    const run = new SourceRun(undefined);
    assert.deepEqual(
      run.poll((output) => {
        output.collect('a', at(5));
        output.forSplit('s').collect('b', at(7));
        output.forSplit('s').collect('c');
      }),
      ['a@5', 'b@7', 'c@-Infinity'],
    );
    assert.deepEqual(run.advance(5000), []);
    run.operator.watermark();
    assert.deepEqual(run.take(), ['w Infinity']);
  });

  test('a source that knows says how far it is, split by split, without a strategy', () => {
    const run = new SourceRun(undefined);
    assert.deepEqual(
      run.poll((output) => {
        const [a, b] = [output.forSplit('a'), output.forSplit('b')];
        a.emitWatermark(at(10));
        b.collect('x', at(20));
        b.emitWatermark(at(20));
        a.markIdle();
        b.markIdle();
        a.collect('y', at(30));
        a.emitWatermark(at(25));
      }),
      ['x@20', 'w 10', 'w 20', 'idle', 'active', 'y@30', 'w 25'],
    );
  });

  test('the watermark is the least of all open splits; one read to its end holds nobody', () => {
    const run = new SourceRun({ ...byValue, outOfOrder: milliseconds(4) });
    run.poll((output) => {
      output.forSplit('a').collect(100);
      output.forSplit('b').collect(50);
    });
    assert.deepEqual(run.advance(200), ['w 45']);
    assert.deepEqual(
      run.poll((output) => output.forSplit('b').collect(120)),
      ['120@120'],
    );
    assert.deepEqual(run.advance(200), ['w 95']);
    assert.deepEqual(
      run.poll((output) => output.releaseSplit('a')),
      ['w 115'],
    );
    assert.deepEqual(
      run.poll((output) => output.forSplit('c')),
      [],
    );
    run.poll((output) => output.forSplit('b').collect(500));
    assert.deepEqual(run.advance(1000), [], 'c holds it from its opening on');
    run.poll((output) => output.forSplit('c').collect(121));
    assert.deepEqual(run.advance(200), ['w 116']);
  });

  test('S3: before its end a source says how far the furthest of its splits was', () => {
    const delayed = { ...byValue, outOfOrder: milliseconds(4) };
    const run = new SourceRun(delayed);
    run.poll((output) => {
      output.forSplit('a').collect(100);
      output.forSplit('b').collect(50);
      output.forSplit('c').collect(70);
      output.releaseSplit('a');
    });
    assert.deepEqual(run.take(), [], 'a has ended, the others have said nothing yet');
    run.operator.watermark();
    assert.deepEqual(run.take(), ['w 95', 'w Infinity']);
    const own = new SourceRun(delayed);
    own.poll((output) => output.collect(100));
    assert.deepEqual(own.advance(200), ['w 95']);
    own.poll((output) => output.collect(110));
    own.operator.watermark();
    assert.deepEqual(own.take(), ['w 105', 'w Infinity']);
    const silent = new SourceRun(delayed);
    silent.operator.watermark();
    assert.deepEqual(silent.take(), ['w Infinity']);
  });

  test('records of no split count like a split of their own', () => {
    const run = new SourceRun(byValue);
    run.poll((output) => {
      output.forSplit('a').collect(100);
      output.collect(10);
    });
    assert.deepEqual(run.advance(200), ['w 9']);
    const alone = new SourceRun(byValue);
    alone.poll((output) => output.collect(10));
    assert.deepEqual(alone.advance(200), ['w 9']);
  });

  test('a generator for each split, after its records', () => {
    const made: string[] = [];
    const run = new SourceRun({
      ...byValue,
      generator: () => {
        const mine: unknown[] = [];
        return {
          onEvent(value, timestamp, output) {
            mine.push(value);
            if (mine.length === 2) output.emitWatermark(timestamp);
            made.push(mine.join());
          },
        };
      },
    });
    assert.deepEqual(
      run.poll((output) => {
        const [a, b] = [output.forSplit('a'), output.forSplit('b')];
        a.collect(5);
        a.collect(6);
        b.collect(3);
        b.collect(4);
      }),
      ['5@5', '6@6', '3@3', '4@4', 'w 4'],
    );
    assert.deepEqual(made, ['5', '5,6', '3', '3,4']);
  });

  test('a split becomes idle by itself; the source, when all have; each wakes before its record', () => {
    const run = new SourceRun({ ...byValue, idleAfter: seconds(1) });
    run.poll((output) => {
      output.forSplit('a').collect(100);
      output.forSplit('b').collect(50);
    });
    for (let i = 0; i < 10; i++) {
      run.advance(200);
      run.poll((output) => output.forSplit('a').collect(101 + i));
    }
    assert.deepEqual(run.advance(200), ['w 109'], 'b is idle');
    assert.deepEqual(run.advance(2000), ['idle']);
    assert.deepEqual(
      run.poll((output) => output.forSplit('b').collect(60)),
      ['active', '60@60'],
    );
    assert.deepEqual(run.advance(200), [], 'b is behind, and alone');
  });

  test('a reader without splits becomes idle, and is not idle when one comes', () => {
    const run = new SourceRun({ ...byValue, idleAfter: seconds(1) });
    assert.deepEqual(run.advance(2000), ['idle']);
    assert.deepEqual(
      run.poll((output) => output.forSplit('a').collect(1)),
      ['active', '1@1'],
    );
    assert.deepEqual(
      run.poll((output) => output.releaseSplit('a')),
      [],
    );
    assert.deepEqual(run.advance(800), []);
    assert.deepEqual(run.advance(1200), ['idle'], 'its last split was read to the end');
  });

  test('a record without a timestamp names the source', () => {
    const run = new SourceRun({});
    assert.throws(
      () => run.poll((output) => output.forSplit('a').collect('x')),
      (error) => {
        assert.ok(isEngineError(error, 'DATA_NO_TIMESTAMP'));
        assert.match(error.message, /^"Source: test" needs event time.*: "x"\.$/);
        return true;
      },
    );
  });

  test('R5: a timestamp of the source that is none names source and record, strategy or not', () => {
    const wrong: readonly (readonly [unknown, string])[] = [
      [Number.NaN, 'NaN'],
      [Infinity, 'Infinity'],
      [-Infinity, '-Infinity'],
      [1.5, '1.5'],
      ['5', '"5"'],
      [2 ** 60, '1152921504606847000'],
      [null, 'null'],
      [5n, '5n'],
      [new Date(Number.NaN), 'an invalid Date'],
    ];
    const strategies = [undefined, {}, { outOfOrder: seconds(1) }, byValue];
    for (const strategy of strategies) {
      for (const [timestamp, text] of wrong) {
        for (const split of [undefined, 'a']) {
          const run = new SourceRun(strategy);
          assert.throws(
            () =>
              run.poll((output) => {
                const to = split === undefined ? output : output.forSplit(split);
                to.collect(7, timestamp as Timestamp);
              }),
            (error) => {
              assert.ok(isEngineError(error, 'DATA_INVALID_TIMESTAMP'), String(error));
              assert.equal(
                error.message,
                `${text} is not a timestamp, which "Source: test" gave to the record 7.`,
              );
              return true;
            },
          );
          assert.deepEqual(run.take(), [], 'it goes nowhere');
        }
      }
    }
  });

  test('only the end of the source is the end of event time', () => {
    for (const timestamp of [Infinity, Number.NaN, 0.5]) {
      const run = new SourceRun(undefined);
      assert.throws(
        () => run.poll((output) => output.emitWatermark(timestamp as Timestamp)),
        (error) => {
          assert.ok(isEngineError(error, 'DATA_INVALID_TIMESTAMP'), String(error));
          assert.match(error.message, / is not a timestamp for a watermark of "Source: test"\.$/);
          return true;
        },
      );
    }
  });

  test('what no split has wakes a source whose splits were idle when they were released', () => {
    const run = new SourceRun(undefined);
    assert.deepEqual(
      run.poll((output) => {
        output.forSplit('a').markIdle();
        output.releaseSplit('a');
        output.collect('x');
      }),
      ['idle', 'active', 'x@-Infinity'],
    );
  });

  test('R4: a poll is full after some thousand records, however many splits there are', () => {
    for (const splits of [1, 3, 100]) {
      const run = new SourceRun(byValue);
      let count = 0;
      run.poll((output) => {
        for (let i = 0; !output.full; i = (i + 1) % splits) {
          const split = output.forSplit(String(i));
          while (!split.full && count < 100_000) split.collect(count++);
        }
      });
      assert.ok(count > 0 && count <= 1024 + splits, `${count} records of ${splits} splits`);
      assert.equal(run.operator.polled, count);
      run.poll((output) => {
        for (let i = 0; !output.full; i += 1) {
          output.forSplit(`short ${i}`).collect(count + i);
          output.releaseSplit(`short ${i}`);
        }
      });
      assert.equal(run.operator.polled, 1024);
    }
  });

  test('R2: outputs work in a poll only', () => {
    const run = new SourceRun(undefined);
    let kept: { collect(value: unknown): void; emitWatermark(at: Timestamp): void } | undefined;
    run.poll((output) => void (kept = output.forSplit('a')));
    assert.throws(() => kept!.collect(1), /R2/);
    assert.throws(() => kept!.emitWatermark(at(1)), /R2/);
  });
});

type Step =
  | { readonly do: 'collect'; readonly split: string; readonly value: number }
  | { readonly do: 'release' | 'idle'; readonly split: string }
  | { readonly do: 'tick' | 'restore' };

const split = fc.constantFrom('a', 'b', 'c');
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('collect' as const),
      split,
      value: fc.integer({ min: 0, max: 100 }),
    }),
  },
  fc.record({ do: fc.constantFrom('release' as const, 'idle' as const), split }),
  { weight: 3, arbitrary: fc.constant({ do: 'tick' as const }) },
  fc.constant({ do: 'restore' as const }),
);

/** The rules, evaluated from the beginning at every step. */
class Model {
  readonly splits = new Map<string, { greatest: number; watermark: number; idle: boolean }>();
  watermark = -Infinity;
  idle = false;

  open(id: string): { greatest: number; watermark: number; idle: boolean } {
    let of = this.splits.get(id);
    if (of === undefined) {
      this.splits.set(id, (of = { greatest: -Infinity, watermark: -Infinity, idle: false }));
    }
    return of;
  }

  look(): void {
    const all = [...this.splits.values()];
    if (all.length === 0) return;
    const active = all.filter(({ idle }) => !idle);
    this.idle = active.length === 0;
    const of = this.idle ? Math.max : Math.min;
    const combined = of(...(this.idle ? all : active).map(({ watermark }) => watermark));
    this.watermark = Math.max(this.watermark, combined);
  }
}

describe('splits of a source, against a model', () => {
  test('watermark and idleness are those of the definition, over any restores', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        let run = new SourceRun(byValue);
        const model = new Model();
        let watermark = -Infinity;
        let idle = false;
        const hear = (story: readonly string[]): void => {
          for (const line of story) {
            if (line === 'idle' || line === 'active') {
              assert.equal(idle, line === 'active', 'a status is told when it changes');
              idle = line === 'idle';
            } else if (line.startsWith('w ')) {
              const next = Number(line.slice(2));
              assert.ok(next > watermark && !idle, line);
              watermark = next;
            } else assert.equal(idle, false, 'a record of an idle source');
          }
        };
        for (const each of steps) {
          if (each.do === 'collect') {
            hear(run.poll((output) => output.forSplit(each.split).collect(each.value)));
            const of = model.open(each.split);
            of.greatest = Math.max(of.greatest, each.value);
            of.idle = false;
          } else if (each.do === 'release') {
            hear(run.poll((output) => output.releaseSplit(each.split)));
            model.splits.delete(each.split);
          } else if (each.do === 'idle') {
            hear(run.poll((output) => output.forSplit(each.split).markIdle()));
            model.open(each.split).idle = true;
          } else if (each.do === 'tick') {
            hear(run.advance(200));
            for (const of of model.splits.values()) {
              const next = of.greatest - 1;
              if (next > of.watermark) [of.watermark, of.idle] = [next, false];
            }
          } else {
            run = new SourceRun(byValue, { state: await stateAfter([run]) });
            const said = run.take().filter((line) => !line.startsWith('w '));
            assert.deepEqual(said, idle ? ['idle'] : []);
            // A strategy's greatest timestamp is not part of the state, as in Flink.
            for (const of of model.splits.values()) of.greatest = -Infinity;
          }
          model.look();
          assert.deepEqual([watermark, idle], [model.watermark, model.idle], each.do);
        }
      }),
      { seed: 5, numRuns: 1000 },
    );
  });
});

describe('snapshot and restore of a source', () => {
  test('splits come back before the reader starts, and hold event time before they are read', async () => {
    const run = new SourceRun({ ...byValue, idleAfter: seconds(1) });
    run.reader.addSplits([{ id: 'a' }, { id: 'b' }]);
    run.poll((output) => {
      output.forSplit('a').collect(100);
      output.forSplit('b').collect(50);
    });
    assert.deepEqual(run.advance(200), ['w 49']);
    const state = await stateAfter([run]);
    const again = new SourceRun({ ...byValue, idleAfter: seconds(1) }, { state });
    assert.deepEqual(again.reader.splits, [{ id: 'a' }, { id: 'b' }]);
    assert.deepEqual(again.take(), ['w 49'], 'what is behind has forgotten it');
    again.poll((output) => output.forSplit('a').collect(200));
    assert.deepEqual(again.advance(200), [], 'b still holds it');
    again.poll((output) => output.forSplit('b').collect(30));
    again.poll((output) => output.forSplit('b').collect(90));
    assert.deepEqual(again.advance(200), ['w 89']);
  });

  test('what no split had is restored too', async () => {
    const run = new SourceRun(byValue);
    run.poll((output) => output.collect(7));
    assert.deepEqual(run.advance(200), ['w 6']);
    const again = new SourceRun(byValue, { state: await stateAfter([run]) });
    assert.deepEqual(again.take(), ['w 6']);
    again.poll((output) => output.collect(5));
    assert.deepEqual(again.advance(200), []);
    again.poll((output) => output.forSplit('a').collect(9));
    again.poll((output) => output.collect(8));
    assert.deepEqual(again.advance(200), ['w 7']);
  });
});

test('a source that was idle says so after a restore, and wakes with its next record', async () => {
  const run = new SourceRun(undefined);
  const idle = run.poll((output) => {
    output.collect(1);
    output.markIdle();
  });
  assert.deepEqual(idle, ['1@-Infinity', 'idle']);
  const again = new SourceRun(undefined, { state: await stateAfter([run]) });
  assert.deepEqual(again.take(), ['idle']);
  assert.deepEqual(
    again.poll((output) => output.collect(2)),
    ['active', '2@-Infinity'],
  );
});

describe('restore at another parallelism', () => {
  test('with the splits of several subtasks event time is where the last of them was', async () => {
    const runs = [
      [100, 'a', 5],
      [40, 'b', 9],
    ].map(([value, id, own], subtask) => {
      const run = runOf(byValue, subtask, 2);
      run.poll((output) => {
        output.forSplit(id as string).collect(value);
        output.collect(own);
      });
      run.advance(200);
      return run;
    });
    const run = new SourceRun(byValue, { state: await stateAfter(runs) });
    assert.deepEqual(run.take(), ['w 4']);
    run.poll((output) => output.collect(7));
    assert.deepEqual(run.advance(200), ['w 6'], 'what no split had was at 4, not at 8');
    run.poll((output) => output.collect(200));
    assert.deepEqual(run.advance(200), ['w 39'], 'b holds it');
  });

  test('R6: each split is with one subtask, and has taken its event time along', async () => {
    const runs = [0, 1].map((subtask) => runOf(byValue, subtask, 2));
    for (const [subtask, run] of runs.entries()) {
      const ids = [0, 1, 2].map((i) => `${subtask}.${i}`);
      run.reader.addSplits(ids.map((id) => ({ id })));
      run.poll((output) => ids.forEach((id, i) => output.forSplit(id).collect(10 * i + subtask)));
      run.advance(200);
    }
    const times: string[] = [];
    for (const subtask of [0, 1, 2]) {
      const state = await stateAfter(runs, { subtask, parallelism: 3 });
      const run = new SourceRun(byValue, { state });
      assert.deepEqual(run.take(), ['w -1'], 'where the last of the former subtasks was');
      const { splits } = run.operator.time!;
      assert.deepEqual(
        [...splits.keys()],
        run.reader.splits.map(({ id }) => id),
      );
      times.push(...[...splits].map(([id, { watermark }]) => `${id}@${watermark}`));
    }
    const expected = ['0.0@-1', '0.1@9', '0.2@19', '1.0@0', '1.1@10', '1.2@20'];
    assert.deepEqual(times, expected);
  });

  test('S4: a subtask that had ended may get splits again, and holds event time then', async () => {
    const run = new SourceRun(byValue);
    run.poll((output) => output.forSplit('a').collect(50));
    run.advance(200);
    run.poll((output) => output.releaseSplit('a'));
    run.operator.watermark();
    assert.deepEqual(run.take().at(-1), 'w Infinity');
    const again = new SourceRun(byValue, { state: await stateAfter([run]) });
    assert.deepEqual(again.take(), ['w 49']);
    again.poll((output) => output.forSplit('b').collect(70));
    assert.deepEqual(again.advance(200), ['w 69']);
  });
});

describe('alignment of a source', () => {
  const aligned: WatermarkStrategy<unknown> = {
    ...byValue,
    alignment: { group: 'g', maxDrift: milliseconds(10) },
  };

  test('L2: tells its watermark every second, +infinity when it is idle or has ended', () => {
    const run = new SourceRun({ ...aligned, idleAfter: seconds(3) });
    run.advance(1000);
    assert.deepEqual(run.reported, []);
    run.poll((output) => output.forSplit('a').collect(100));
    run.advance(1000);
    assert.deepEqual(run.reported, [99]);
    run.advance(4000);
    assert.equal(run.reported.at(-1), Infinity);
    run.poll((output) => output.forSplit('a').collect(101));
    run.advance(1000);
    assert.equal(run.reported.at(-1), 100);
    run.operator.watermark();
    assert.equal(run.reported.at(-1), Infinity);
    const { length } = run.reported;
    run.advance(5000);
    assert.equal(run.reported.length, length);
  });

  test('L1: the reader waits while it is past the limit, and is not idle by that', () => {
    const run = new SourceRun({ ...aligned, idleAfter: seconds(1) });
    run.poll((output) => output.forSplit('a').collect(100));
    run.operator.alignTo(50);
    assert.equal(run.operator.isWaiting, false, 'its watermark is not out yet');
    assert.deepEqual(run.advance(200), ['w 99']);
    assert.equal(run.operator.isWaiting, true);
    assert.deepEqual(run.advance(10_000), []);
    run.operator.alignTo(98);
    assert.deepEqual(run.take(), []);
    run.operator.alignTo(99);
    assert.deepEqual(run.take(), ['available']);
    assert.equal(run.operator.isWaiting, false);
    assert.deepEqual(run.advance(800), []);
    assert.deepEqual(run.advance(1000), ['idle']);
  });

  test('a poll ends when a record takes the watermark past the limit', () => {
    const run = new SourceRun({
      ...aligned,
      generator: () => ({ onEvent: (_value, time, output) => output.emitWatermark(time) }),
    });
    run.operator.alignTo(2);
    let full: boolean[] = [];
    run.poll((output) => {
      for (const value of [1, 2, 3]) {
        output.forSplit('a').collect(value);
        full.push(output.full);
      }
    });
    assert.deepEqual(full, [false, false, true]);
    full = [];
    run.operator.alignTo(5);
    run.poll((output) => full.push(output.full));
    assert.deepEqual(full, [false]);
  });

  test('splits past the limit wait, the reader goes on with the others', () => {
    const run = new SourceRun({ ...aligned, idleAfter: seconds(1) }, { pausesSplits: true });
    run.poll((output) => {
      output.forSplit('a').collect(100);
      output.forSplit('b').collect(50);
    });
    run.operator.alignTo(60);
    run.advance(200);
    assert.deepEqual(run.reader.pauses, ['+a']);
    assert.equal(run.operator.isWaiting, false);
    for (let i = 0; i < 20; i++) {
      run.poll((output) => output.forSplit('b').collect(51 + i / 2 - (i % 2) / 2));
      run.advance(200);
    }
    assert.equal(run.operator.time!.splits.get('a')!.isIdle, false);
    assert.deepEqual(run.reader.pauses, ['+a']);
    run.operator.alignTo(99);
    assert.deepEqual(run.reader.pauses, ['+a', '-a']);
  });
});
