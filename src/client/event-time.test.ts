// What people are told about event time that stands still, for jobs in every state that matters.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JobDetails, SubtaskTime, VertexDetails } from '../protocol/job-report.ts';
import { eventTimeOf, eventTimeText } from './event-time.ts';
import { Progress } from './progress.ts';

function time(subtask: number, parts: Partial<SubtaskTime>): SubtaskTime {
  return {
    ...{ subtask, watermark: undefined, standsMillis: 0, waitsFor: { kind: 'records' } as never },
    ...{ needsEventTime: false, lateRecordsDropped: 0, ...parts },
  };
}

function details(vertices: Readonly<Record<string, readonly SubtaskTime[]>>): JobDetails {
  const all = Object.entries(vertices).map(
    ([name, subtasks]) => ({ id: name, name, subtasks }) as unknown as VertexDetails,
  );
  return { vertices: all, failures: [] } as unknown as JobDetails;
}

function said(vertices: Readonly<Record<string, readonly SubtaskTime[]>>): string | undefined {
  const report = eventTimeOf(details(vertices));
  return report && eventTimeText(report);
}

const input = (vertex: string, subtask: number) => ({ kind: 'input', vertex, subtask }) as const;

test('a job without event time says nothing of it', () => {
  const none = time(0, { waitsFor: { kind: 'no-watermarks' } });
  assert.equal(said({ a: [none], b: [time(0, { waitsFor: input('a', 0) })] }), undefined);
  assert.equal(said({}), undefined);
});

test('event time that goes on is told, until it has ended', () => {
  const watermark = Date.UTC(2001, 0, 1);
  assert.equal(
    said({
      a: [time(0, { watermark: watermark + 5 })],
      b: [time(0, { watermark, standsMillis: 200, waitsFor: input('a', 0) })],
    }),
    'event time 2001-01-01T00:00:00.000Z',
  );
  assert.equal(said({ a: [time(0, { waitsFor: undefined, needsEventTime: true })] }), undefined);
});

test('event time that stands names who holds it up, back to the source and split', () => {
  const at = { watermark: 1000, standsMillis: 42_400 };
  assert.equal(
    said({
      'Source: fast': [time(0, { watermark: 9000 }), time(1, { watermark: 8000 })],
      'Source: slow': [
        time(0, { watermark: 7000 }),
        time(1, { ...at, waitsFor: { kind: 'records', split: 'file-3' } }),
      ],
      join: [
        time(0, { ...at, waitsFor: input('Source: slow', 1) }),
        time(1, { watermark: 2000, waitsFor: input('Source: fast', 0) }),
      ],
      window: [time(0, { ...at, waitsFor: input('join', 0), lateRecordsDropped: 3 })],
    }),
    'event time stands at 1970-01-01T00:00:01.000Z for 42 s in "window" (subtask 1): it waits for ' +
      '"Source: slow" (subtask 2), and that for later records of split file-3; ' +
      '3 late records dropped',
  );
});

test('every reason has its words', () => {
  const of = (waitsFor: SubtaskTime['waitsFor'], alone: boolean): string | undefined => {
    const source = [time(0, { waitsFor })];
    const window = [time(0, { waitsFor: input('s', 0), needsEventTime: true })];
    return said(
      alone ? { s: [{ ...source[0]!, needsEventTime: true }] } : { s: source, w: window },
    );
  };
  const cases: readonly (readonly [SubtaskTime['waitsFor'], string, string])[] = [
    [
      { kind: 'records', split: undefined },
      'it waits for later records',
      'it waits for "s" (subtask 1), and that for later records',
    ],
    [
      { kind: 'alignment', group: 'g' },
      'it waits for other sources of group g',
      'it waits for "s" (subtask 1), and that for other sources of group g',
    ],
    [
      { kind: 'no-watermarks' },
      'it has no watermark strategy',
      '"s" (subtask 1) has no watermark strategy',
    ],
    [{ kind: 'idle' }, 'all its input is idle', '"s" (subtask 1) is idle'],
    [
      input('gone', 0),
      'what it waits for is not known',
      'it waits for "s" (subtask 1), and what that waits for is not known',
    ],
  ];
  for (const [hold, alone, behind] of cases) {
    assert.equal(of(hold, true), `event time has not begun in "s" (subtask 1): ${alone}`);
    assert.equal(of(hold, false), `event time has not begun in "w" (subtask 1): ${behind}`);
  }
});

test('where a part of an input has ended and the rest is idle, it says so', () => {
  const at = { watermark: 1000, standsMillis: 42_400 };
  const hold = { kind: 'idle', idle: ['source'], ended: ['source'] } as never;
  assert.equal(
    said({
      source: [time(0, { waitsFor: undefined }), time(1, { waitsFor: { kind: 'idle' } })],
      window: [time(0, { ...at, waitsFor: hold, needsEventTime: true })],
      sink: [time(0, { ...at, waitsFor: { kind: 'idle', idle: ['window'], ended: [] } as never })],
    }),
    'event time stands at 1970-01-01T00:00:01.000Z for 42 s in "window" (subtask 1): input from ' +
      '"source" is idle where it has not ended',
  );
});

test('a watermark that is no date is a number', () => {
  assert.equal(said({ a: [time(0, { watermark: 9e15 })] }), 'event time 9000000000000000');
});

test('a vertex that fires what is due at the end of event time says so', () => {
  let text = '';
  const progress = new Progress({
    write: (more: string) => void (text += more),
    columns: undefined,
  } as never);
  const ended = time(0, { watermark: 7, waitsFor: undefined, needsEventTime: true });
  progress.show(details({ timers: [ended], sink: [time(0, { waitsFor: undefined })] }));
  const [timers, sink] = text.split('\n');
  assert.match(timers!, /timers: .*, watermark end of event time$/);
  assert.doesNotMatch(sink!, /watermark/);
  text = '';
  progress.show(details({ timers: [ended, time(1, { needsEventTime: true })] }));
  assert.doesNotMatch(text, /end of event time/, 'not while a subtask has not come to it');
});
