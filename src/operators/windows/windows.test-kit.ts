/**
 * Window operators driven by a line of text, and what comes out as another: tests of windows are
 * tables. A script has records, `a1@5` (key, number, event time, which may be missing), watermarks,
 * `W9`, and time that passes by the clock, `+100`. Results are `a[0,10):1+2` (key, window, what the
 * window has gathered), with `@t` where their time is not the last one of the window, and
 * `late:a1@5`. What is behind `|` came out only because the input had ended.
 */
import assert from 'node:assert/strict';
import { isEngineError, type EngineError, type ErrorCode } from '../../base/errors.ts';
import type { Duration } from '../../base/units.ts';
import type { AnyWindowFunction } from '../../functions/window-function.ts';
import type { Window, WindowAssigner } from '../../functions/window.ts';
import type { WindowSpec } from '../../graph/operator-spec.ts';
import { NO_TIMESTAMP } from '../../network/batch.ts';
import { OperatorHarness } from '../../testing/operator-harness.ts';
import type { OperatorResult, OperatorStep } from '../../testing/operator-harness.ts';
import { verifyOperator } from '../../testing/verify-operator.ts';
import type { Key } from '../../types/schema.ts';
import { dynamic, t } from '../../types/t.ts';
import { createWindowOperator } from './create-window-operator.ts';
import { countingMetrics } from '../../testing/counting-metrics.test-kit.ts';

export const Row = t.struct({ key: t.string, n: t.float64 });
export interface Row {
  readonly key: string;
  readonly n: number;
}

const RECORD = /^([a-z])(-?\d+(?:\.\d+)?)(?:@(-?\d+))?$/;

/** Emits what the window has, as text. */
const LISTING: AnyWindowFunction = {
  emits: t.string,
  onWindow(rows: Iterable<Row>, context) {
    const numbers = [...rows].map(({ n }) => n);
    context.emit(shownResult(context.key, context.window, numbers.join('+')));
  },
};

/** Windows by key that list their records, unless `more` says otherwise. */
export function windowsOf(
  assigner: WindowAssigner<Row>,
  more: Partial<WindowSpec> = {},
): WindowSpec {
  const lists = more.contents === undefined || more.contents.kind === 'list';
  return {
    kind: 'window',
    key: { select: (row: Row) => row.key, schema: t.string },
    keyed: true,
    assigner,
    trigger: undefined,
    evictor: undefined,
    allowedLateness: 0 as Duration,
    contents: { kind: 'list' },
    function: lists ? LISTING : undefined,
    value: Row,
    ...more,
  };
}

export interface Outcome {
  readonly out: string;
  /** Those of the operator's counters that are not 0. */
  readonly counters: Readonly<Record<string, number>>;
  readonly warnings: readonly string[];
}

interface RunOptions {
  /** Whether somebody reads the late records. */
  readonly late?: boolean | undefined;
  readonly subtask?: number | undefined;
}

/** Runs the script once, up to the end of the input. @throws what the operator failed with */
export async function outcomeOf(
  spec: WindowSpec,
  script: string,
  { late = false, subtask = 0 }: RunOptions = {},
): Promise<Outcome> {
  const counters: Record<string, number> = {};
  const warnings: string[] = [];
  const drop = (): void => {};
  const harness = new OperatorHarness({
    operator: createWindowOperator(spec),
    inputs: 1,
    keys: [spec.key],
    output: dynamic,
    sideOutputs: late ? { late: dynamic } : {},
    open: {
      operatorName: 'windows',
      subtask,
      metrics: countingMetrics((name, by) => (counters[name] = (counters[name] ?? 0) + by)),
      logger: { debug: drop, info: drop, error: drop, warn: (text) => warnings.push(text) },
    },
  });
  await harness.open();
  for (const step of stepsOf(script)) harness.step(step);
  const before = harness.results.length;
  harness.end();
  await harness.settle();
  if (harness.failure !== undefined) throw harness.failure;
  assert.equal(harness.ended, 'FINISHED', 'the task did not finish');
  const shown = (results: readonly OperatorResult[]): readonly string[] =>
    results.flatMap((result) => (result.kind === 'record' ? [shownRecord(result)] : []));
  const early = shown(harness.results.slice(0, before));
  const atEnd = shown(harness.results.slice(before));
  const out = [...early, ...(atEnd.length === 0 ? [] : ['|', ...atEnd])].join(' ');
  return { out, counters, warnings };
}

/**
 * What comes out, having held the operator to its contract: the same with an output that is always
 * full, and with a restore at every step.
 */
export async function resultsOf(
  spec: WindowSpec,
  script: string,
  options: RunOptions = {},
): Promise<string> {
  await verifyOperator({
    create: () => createWindowOperator(spec),
    keys: [spec.key],
    output: dynamic,
    sideOutputs: options.late === true ? { late: dynamic } : {},
    unordered: true,
    steps: stepsOf(script),
  });
  return (await outcomeOf(spec, script, options)).out;
}

/** The error of that code with which the script ends. */
export async function failureOf(
  spec: WindowSpec,
  code: ErrorCode,
  script: string,
): Promise<EngineError> {
  try {
    await outcomeOf(spec, script);
  } catch (thrown) {
    if (isEngineError(thrown, code)) return thrown;
    throw thrown;
  }
  assert.fail(`nothing was thrown in place of ${code}`);
}

export function stepsOf(script: string): readonly OperatorStep[] {
  return script.split(/\s+/).filter(Boolean).map(stepOf);
}

function stepOf(word: string): OperatorStep {
  if (word.startsWith('W')) return { kind: 'watermark', timestamp: Number(word.slice(1)) };
  if (word.startsWith('+')) return { kind: 'advance', by: Number(word.slice(1)) as Duration };
  const [, key, n, at] = RECORD.exec(word) ?? assert.fail(`no step: ${word}`);
  const value: Row = { key: key!, n: Number(n) };
  return { kind: 'record', value, timestamp: at === undefined ? undefined : Number(at) };
}

function shownRecord({
  tag,
  value,
  timestamp,
}: Extract<OperatorResult, { readonly kind: 'record' }>): string {
  const time = timestamp === NO_TIMESTAMP ? '-' : String(timestamp);
  if (tag !== undefined) {
    const { key, n } = value as Row;
    return `${tag}:${key}${n}@${time}`;
  }
  const text = typeof value === 'string' ? value : shownPlain(value as PlainResult);
  const last = Number(/,(-?\d+)\)/.exec(text)?.[1]) - 1;
  return timestamp === last ? text : `${text}@${time}`;
}

interface PlainResult {
  readonly key?: Key;
  readonly window: Window;
  readonly value: Row | number;
}

/** Of windows without a function. */
function shownPlain({ key, window, value }: PlainResult): string {
  return shownResult(key, window, String(typeof value === 'number' ? value : value.n));
}

function shownResult(key: Key | undefined, { start, end }: Window, value: string): string {
  return `${key === undefined ? '' : String(key)}[${start},${end}):${value}`;
}
