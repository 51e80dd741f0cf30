// Every evictor: what it takes from a window, before and after, and that it is gone then.
import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import type { Duration } from '../../base/units.ts';
import { count } from '../../functions/aggregates.ts';
import { evictor, type Evictor, type TimestampedValue } from '../../functions/evictor.ts';
import { trigger, type Trigger } from '../../functions/trigger.ts';
import { globalWindow, session, tumbling } from '../../functions/window.ts';
import type { WindowSpec } from '../../graph/operator-spec.ts';
import { failureOf, outcomeOf, resultsOf, windowsOf, type Row } from './windows.test-kit.ts';

const ms = (n: number): Duration => n as Duration;
const each = trigger.count(1);
const G = '[-Infinity,Infinity)';
const distance = (value: Row, last: Row): number => Math.abs(value.n - last.n);
const odd = (elements: readonly TimestampedValue<Row>[]): TimestampedValue<Row>[] =>
  elements.filter(({ value }) => value.n % 2 === 1);

const globally = (wanted: Evictor<Row>, by: Trigger<Row>): WindowSpec =>
  windowsOf(globalWindow(), { evictor: wanted, trigger: by });

type Case = readonly [string, Evictor<Row>, Trigger<Row>, string, string];

const CASES: readonly Case[] = [
  [
    'count: the last ones',
    evictor.count(2),
    each,
    'a1@1 a2@2 a3@3',
    `a${G}:1@1 a${G}:1+2@2 a${G}:2+3@3`,
  ],
  [
    'count, with fewer than that',
    evictor.count(5),
    trigger.count(2),
    'a1@1 a2@2 a3@3 a4@4 a5@5 a6@6',
    `a${G}:1+2@2 a${G}:1+2+3+4@4 a${G}:2+3+4+5+6@6`,
  ],
  [
    'count after: what was left at the last firing, and what came since',
    evictor.count(1, { after: true }),
    trigger.count(2),
    'a1@1 a2@2 a3@3 a4@4',
    `a${G}:1+2@2 a${G}:2+3+4@4`,
  ],
  [
    'time: less than the span before the latest',
    evictor.time(ms(10)),
    each,
    'a1@5 a2@14 a3@15 a4@9',
    `a${G}:1@5 a${G}:1+2@14 a${G}:2+3@15 a${G}:2+3+4@9`,
  ],
  [
    'time after',
    evictor.time(ms(10), { after: true }),
    each,
    'a1@5 a2@15 a3@16',
    `a${G}:1@5 a${G}:1+2@15 a${G}:2+3@16`,
  ],
  ['time, of records without one', evictor.time(ms(10)), each, 'a1 a2', `a${G}:1@- a${G}:1+2@-`],
  [
    'time, where only the first has one',
    evictor.time(ms(10)),
    each,
    'a1@1 a2',
    `a${G}:1@1 a${G}:1@-`,
  ],
  [
    'delta: those near the last one',
    evictor.delta(3, distance),
    each,
    'a1@1 a3@2 a5@3 a4@4',
    `a${G}:1@1 a${G}:1+3@2 a${G}:3+5@3 a${G}:3+5+4@4`,
  ],
  [
    'delta after',
    evictor.delta(3, distance, { after: true }),
    each,
    'a1@1 a4@2 a5@3',
    `a${G}:1@1 a${G}:1+4@2 a${G}:4+5@3`,
  ],
  [
    'one of one’s own, before',
    evictor.custom({ evictBefore: odd }),
    trigger.count(2),
    'a1@1 a2@2 a4@3 a3@4',
    `a${G}:1@2 a${G}:1+3@4`,
  ],
  [
    'one of one’s own, before and after',
    evictor.custom({ evictBefore: odd, evictAfter: (elements) => elements.slice(1) }),
    trigger.count(2),
    'a1@1 a3@2 a2@3 a5@4',
    `a${G}:1+3@2 a${G}:3+5@4`,
  ],
  [
    'what leaves nothing: the function gets nothing',
    evictor.custom({ evictBefore: () => [] }),
    each,
    'a1@1 a2@2',
    `a${G}:@1 a${G}:@2`,
  ],
];

for (const [what, wanted, by, script, expected] of CASES) {
  test(what, async () => {
    assert.equal(await resultsOf(globally(wanted, by), script), expected);
  });
}

describe('windows with evictors', () => {
  it('that slide by counts', async () => {
    const spec = globally(evictor.count(3), trigger.count(2));
    assert.equal(
      await resultsOf(spec, 'a1@1 a2@2 a3@3 a4@4 b9@4 a5@5 a6@6'),
      `a${G}:1+2@2 a${G}:2+3+4@4 a${G}:4+5+6@6`,
    );
  });

  it('compute what they are asked for of what is left', async () => {
    const computed = async (contents: WindowSpec['contents'], left = 2): Promise<string> => {
      const wanted = left === 0 ? evictor.custom({ evictBefore: () => [] }) : evictor.count(left);
      const spec = windowsOf(tumbling(ms(10)), { contents, evictor: wanted });
      return resultsOf(spec, 'a1@1 a2@2 a4@3 W9');
    };
    assert.equal(await computed({ kind: 'aggregate', aggregate: count() }), 'a[0,10):2');
    assert.equal(await computed({ kind: 'rolling', rolling: 'sum', field: 'n' }), 'a[0,10):6');
    assert.equal(await computed({ kind: 'rolling', rolling: 'min', field: 'n' }, 1), 'a[0,10):4');
    const reduce = (a: Row, b: Row): Row => ({ key: a.key, n: a.n * b.n });
    assert.equal(await computed({ kind: 'reduce', reduce }), 'a[0,10):8');
    assert.equal(await computed({ kind: 'reduce', reduce }, 0), '');
    assert.equal(await computed({ kind: 'aggregate', aggregate: count() }, 0), 'a[0,10):0');
  });

  it('that merge keep the records of all', async () => {
    const spec = windowsOf(session(ms(10)), { evictor: evictor.count(3) });
    assert.equal(await resultsOf(spec, 'a1@0 a2@15 a3@30 a4@8 a5@22 W99'), 'a[0,40):4+3+5');
  });

  it('give their functions the window and the times', async () => {
    const seen: string[] = [];
    const wanted = evictor.custom<Row>({
      evictBefore(elements, { window, watermark, processingTime }) {
        seen.push(`${window.start} ${watermark} ${processingTime} ${elements[0]!.timestamp}`);
        return elements;
      },
    });
    await outcomeOf(windowsOf(tumbling(ms(10)), { evictor: wanted }), '+7 a1@3 W9');
    assert.deepEqual(seen, ['0 9 7 3']);
  });

  it('whose functions fail name them', async () => {
    const failing = async (fn: () => unknown): Promise<string> => {
      const wanted = evictor.custom<Row>({ evictAfter: fn as never });
      const codes = ['USER_CODE_FAILED', 'USER_CODE_NOT_ITERABLE', 'USER_CODE_ASYNC'] as const;
      for (const code of codes) {
        try {
          return (await failureOf(globally(wanted, each), code, 'a1@1')).message;
        } catch {
          continue;
        }
      }
      return 'none';
    };
    assert.match(
      await failing(() => {
        throw new Error('no');
      }),
      /The evictAfter function of "windows" threw: no/,
    );
    assert.match(await failing(() => 5), /The evictAfter function of "windows" returned number/);
    assert.match(await failing(async () => []), /evictAfter function of "windows" gives a promise/);
    const delta = evictor.delta<Row>(1, () => {
      throw new Error('no');
    });
    assert.match(
      (await failureOf(globally(delta, each), 'USER_CODE_FAILED', 'a1@1')).message,
      /The delta function/,
    );
  });
});
