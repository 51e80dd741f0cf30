/** The trace: every part of an event counts, contents too; printing changes nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Trace } from './trace.ts';

const owner = { id: 3, name: 'host/process.3' };

function hashOf(write: (trace: Trace) => void): string {
  const trace = new Trace();
  write(trace);
  return trace.hash();
}

test('T1: each part of an event and each byte of a content changes the hash', () => {
  const content = Uint8Array.from({ length: 61 }, (_, index) => index);
  const base = (trace: Trace): void => {
    trace.record(5, owner, 'data', 1, 2, 'text');
    trace.content(content);
  };
  const hashes = new Set([hashOf(base)]);
  const variants: ((trace: Trace) => void)[] = [
    (trace) => trace.record(6, owner, 'data', 1, 2, 'text'),
    (trace) => trace.record(5 + 2 ** 32, owner, 'data', 1, 2, 'text'),
    (trace) => trace.record(5, { id: 4, name: owner.name }, 'data', 1, 2, 'text'),
    (trace) => trace.record(5, undefined, 'data', 1, 2, 'text'),
    (trace) => trace.record(5, owner, 'closed', 1, 2, 'text'),
    (trace) => trace.record(5, owner, 'data', 2, 2, 'text'),
    (trace) => trace.record(5, owner, 'data', 1, 3, 'text'),
    (trace) => trace.record(5, owner, 'data', 2, 1, 'text'),
    (trace) => trace.record(5, owner, 'data', 1, 2, 'texs'),
  ];
  for (const variant of variants) {
    hashes.add(
      hashOf((trace) => {
        variant(trace);
        trace.content(content);
      }),
    );
  }
  for (let index = 0; index < content.length; index++) {
    const changed = content.slice();
    changed[index]! ^= 0x80;
    hashes.add(
      hashOf((trace) => {
        trace.record(5, owner, 'data', 1, 2, 'text');
        trace.content(changed);
      }),
    );
  }
  hashes.add(
    hashOf((trace) => {
      trace.record(5, owner, 'data', 1, 2, 'text');
      trace.content(content.subarray(0, 60));
    }),
  );
  assert.equal(hashes.size, 1 + variants.length + content.length + 1);
  assert.equal(hashOf(base), hashOf(base));
});

test('T1: the order of events counts, over many events, in all bits of the hash', () => {
  const events = (swapped: number): string =>
    hashOf((trace) => {
      for (let event = 0; event < 200; event++) {
        const which = event === swapped ? event + 1 : event === swapped + 1 ? event - 1 : event;
        trace.record(7, owner, 'timer', which, 0);
      }
    });
  const hashes = new Set(Array.from({ length: 199 }, (_, swapped) => events(swapped)));
  assert.equal(hashes.size, 199);
  for (let digit = 0; digit < 16; digit++) {
    const seen = new Set([...hashes].map((hash) => hash[digit]));
    assert.ok(seen.size > 8, `digit ${digit} has ${seen.size} values`);
  }
});

test('T2: time does not go back', () => {
  const trace = new Trace();
  trace.record(5, owner, 'timer', 1, 0);
  assert.throws(() => trace.record(4, owner, 'timer', 2, 0), /T2/);
});

test('printing gives a line for each event and does not change the hash; the tail is the same lines', () => {
  const lines: string[] = [];
  const printing = new Trace({ print: (line) => void lines.push(line) });
  const silent = new Trace();
  for (const trace of [printing, silent]) {
    trace.record(1_500_000, owner, 'data', 17, 512);
    trace.record(1_500_001, undefined, 'fault', 1, 0, 'partition: a <-> b');
  }
  assert.deepEqual(lines, [
    '    1.500000  host/process.3   data connection=17 bytes=512',
    '    1.500001  -                fault partition: a <-> b',
  ]);
  assert.equal(printing.hash(), silent.hash());
  assert.deepEqual(silent.tail(10), lines);
  assert.deepEqual(silent.tail(1), lines.slice(1));
  assert.equal(silent.count('data'), 1);
  for (let event = 0; event < 1000; event++) silent.record(2_000_000, owner, 'timer', event, 0);
  assert.equal(silent.tail(10_000).length, 256);
  assert.match(silent.tail(1)[0] as string, /timer=999$/);
});
