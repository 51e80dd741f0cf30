// What windows and joins keep of their records.
import type { DataStream } from '../api/data-stream.ts';
import { hours, milliseconds } from '../base/units.ts';
import { discard } from '../connectors/discard/discard.ts';
import type { AggregateFunction } from '../functions/aggregate-function.ts';
import { evictor } from '../functions/evictor.ts';
import { state } from '../functions/state.ts';
import { trigger } from '../functions/trigger.ts';
import { session, sliding, tumbling } from '../functions/window.ts';
import { t } from '../types/index.ts';
import { keepFirst } from './evolving-keyed-kinds.test-kit.ts';
import { isLast, itemOf, itemsOf, LAST, textOf } from './evolving-values.test-kit.ts';
import type { Branch, Kind } from './evolving-values.test-kit.ts';

const HOUR = tumbling(hours(1));
const byOne = () => 'a' as const;

function ended(stream: DataStream<any> & { uid(uid: string): any }, branch: Branch): void {
  stream.uid(branch.name).name(branch.name).sinkTo(discard());
}

/** Windows of one key. */
function windowsOf(branch: Branch, assigner: any = HOUR): any {
  return itemsOf(branch).keyBy(byOne, t.string).window(assigner);
}

/** Says all records of a window when it fires in the later version. */
function telling(branch: Branch): any {
  return {
    emits: t.string,
    onWindow(items: Iterable<unknown> | object) {
      if (branch.isLater) branch.say(textOf(Symbol.iterator in items ? [...items] : items));
    },
  };
}

/** Says a result `{ value }`. */
function results(branch: Branch, stream: any): void {
  stream
    .uid(branch.name)
    .name(branch.name)
    .map((result: any) => (branch.isLater ? branch.say(textOf(result.value)) : undefined))
    .sinkTo(discard());
}

const all: Kind['told'] = (kept, last) => [[kept(1), kept(2), last]];
const first: Kind['told'] = (kept) => [kept(1)];
const pairs: Kind['told'] = (kept, last) => {
  const records = [kept(1), kept(2), last];
  return records.flatMap((left) => records.map((right) => [left, right]));
};

const each: Kind['told'] = (kept, last) => [kept(1), kept(2), last];
/** With the last one on the other side, and the last one with all three. */
const lasting: Kind['told'] = (kept, last) => [kept(1), kept(2), last, last, last];

const fold = (kept: any): any => kept;
/** Keeps nothing of the records. */
const COUNT: AggregateFunction<any, number, number> = {
  accumulator: t.int32,
  create: () => 0,
  add: (count) => count + 1,
  merge: (left, right) => left + right,
  result: (count) => count,
};

export const WINDOW_KINDS: Readonly<Record<string, Kind>> = {
  windowAggregate: {
    ...{ state: 'window-contents', at: 'value', told: first },
    build: (branch) => results(branch, windowsOf(branch).aggregate(keepFirst(branch))),
  },
  windowReduce: {
    ...{ state: 'window-contents', at: 'value', told: first, migrates: false },
    build: (branch) => results(branch, windowsOf(branch).reduce(fold)),
  },
  slidingAggregate: {
    ...{ state: 'window-contents', at: 'value' },
    told: (kept) => [kept(1), kept(1)],
    build: (branch) =>
      results(branch, windowsOf(branch, sliding(hours(2), hours(1))).aggregate(keepFirst(branch))),
  },
  windowPurging: {
    ...{ state: 'window-contents', at: 'value[].value', told: (kept) => [kept(1), kept(1)] },
    build: (branch) =>
      results(
        branch,
        windowsOf(branch, sliding(hours(2), hours(1)))
          .trigger(trigger.purging(trigger.count(3)))
          .aggregate(keepFirst(branch)),
      ),
  },
  windowList: {
    ...{ state: 'window-contents', at: 'value', told: all, migrates: false },
    build: (branch) => ended(windowsOf(branch).process(telling(branch)), branch),
  },
  windowEvictor: {
    ...{ state: 'window-contents', at: 'value.value', told: all, migrates: false },
    build: (branch) =>
      ended(windowsOf(branch).evictor(evictor.count(10)).process(telling(branch)), branch),
  },
  countWindow: {
    ...{ state: 'window-contents', at: 'value', told: first, migrates: false },
    build: (branch) =>
      results(branch, itemsOf(branch).keyBy(byOne, t.string).countWindow(3).reduce(fold)),
  },
  sessionAggregate: {
    ...{ state: 'sessions', at: 'value.sessions[].accumulator', told: first },
    build: (branch) =>
      results(branch, windowsOf(branch, session(hours(1))).aggregate(keepFirst(branch))),
  },
  sessionReduce: {
    ...{ state: 'sessions', at: 'value.sessions[].accumulator', told: first, migrates: false },
    build: (branch) => results(branch, windowsOf(branch, session(hours(1))).reduce(fold)),
  },
  sessionList: {
    ...{ state: 'window-contents', at: 'value', told: all, migrates: false },
    build: (branch) => ended(windowsOf(branch, session(hours(1))).process(telling(branch)), branch),
  },
  windowState: {
    ...{ state: 'window:mine', at: 'value', told: first },
    build: (branch) => stateOfWindows(branch, 'windowState'),
  },
  globalState: {
    ...{ state: 'global:mine', at: 'value', told: first },
    build: (branch) => stateOfWindows(branch, 'globalState'),
  },
  triggerState: {
    ...{ state: 'trigger:mine', at: 'value', told: first },
    build: (branch) => {
      const mine = state.value(branch.schema, { migrations: branch.migrations });
      const custom = trigger.custom<number, any>({
        state: { mine },
        onElement(n, context) {
          const kept = (context.state as any).mine;
          if (n === LAST) branch.say(textOf(kept.get()));
          else if (kept.get() === undefined) kept.set(itemOf(branch, n));
          return 'continue';
        },
      });
      const windows = branch.numbers.keyBy(byOne, t.string).window(HOUR).trigger(custom);
      ended(windows.process({ emits: t.string, onWindow: () => undefined }), branch);
    },
  },
  deltaTrigger: {
    ...{ state: 'trigger:last-element', at: 'value', told: first, migrates: false },
    build: (branch) => {
      const delta = trigger.delta<any>(
        1000,
        (last, item) => {
          if (isLast(item)) branch.say(textOf(last));
          return 0;
        },
        branch.schema,
      );
      ended(windowsOf(branch).trigger(delta).aggregate(COUNT), branch);
    },
  },
  windowJoin: {
    ...{ state: 'window-contents', at: 'value.left', told: pairs, migrates: false },
    build: (branch) => {
      const items = itemsOf(branch);
      const joined = items.join(itemsOf(branch)).on(byOne, byOne, t.string).window(HOUR);
      const tell = (...pair: unknown[]): string => {
        if (branch.isLater) branch.say(textOf(pair));
        return '';
      };
      ended(joined.inner(tell).returns(t.string), branch);
    },
  },
  coGroup: {
    ...{ state: 'window-contents', at: 'value.left', migrates: false },
    told: (kept, last) => [
      [
        [kept(1), kept(2), last],
        [kept(1), kept(2), last],
      ],
    ],
    build: (branch) => {
      const items = itemsOf(branch);
      const groups = items.coGroup(itemsOf(branch)).on(byOne, byOne, t.string).window(HOUR);
      const onGroups = (...both: unknown[]): void => {
        if (branch.isLater) branch.say(textOf(both.slice(0, 2)));
      };
      ended(groups.apply({ emits: t.string, onGroups }), branch);
    },
  },
  intervalLeft: {
    ...{ state: 'left', at: 'value', migrates: false, told: lasting },
    build: (branch) => intervals(branch, itemsOf(branch), branch.numbers, (left) => left),
  },
  intervalRight: {
    ...{ state: 'right', at: 'value', migrates: false, told: lasting },
    build: (branch) => intervals(branch, branch.numbers, itemsOf(branch), (_, right) => right),
  },
  temporalLeft: {
    ...{ state: 'left', at: 'value', migrates: false, told: each },
    build: (branch) => versions(branch, itemsOf(branch), branch.numbers, (left) => left),
  },
  temporalRight: {
    ...{ state: 'versions', at: 'value', migrates: false, told: each },
    build: (branch) => versions(branch, branch.numbers, itemsOf(branch), (_, right) => right),
  },
};

type Side = (left: any, right: any) => unknown;

/** Each pair of which one record is the last one. */
function intervals(
  branch: Branch,
  left: DataStream<any>,
  right: DataStream<any>,
  side: Side,
): void {
  const tell = (...pair: [unknown, unknown]): string => {
    if (branch.isLater) branch.say(textOf(side(...pair)));
    return '';
  };
  const joined = left
    .keyBy(byOne, t.string)
    .intervalJoin(right.keyBy(byOne, t.string))
    .between(milliseconds(-3_600_000), hours(1));
  ended(joined.inner(tell).returns(t.string), branch);
}

/** Each record with that of the same time. */
function versions(branch: Branch, left: DataStream<any>, right: DataStream<any>, side: Side): void {
  const tell = (...pair: [unknown, unknown]): string => {
    if (branch.isLater) branch.say(textOf(side(...pair)));
    return '';
  };
  ended(left.temporalJoin(right).on(byOne, byOne, t.string).inner(tell).returns(t.string), branch);
}

function stateOfWindows(branch: Branch, where: 'windowState' | 'globalState'): void {
  const mine = state.value(branch.schema, { migrations: branch.migrations });
  const windows = branch.numbers
    .keyBy(byOne, t.string)
    .window(HOUR)
    .trigger(trigger.count(1))
    .process({
      emits: t.string,
      [where]: { mine },
      onWindow(_numbers: unknown, context: any) {
        const kept = context[where].mine;
        if (branch.isLater) branch.say(textOf(kept.get()));
        else if (kept.get() === undefined) kept.set(itemOf(branch, 1));
      },
    });
  ended(windows, branch);
}
