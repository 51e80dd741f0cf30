/** Windows go on in the form in which they were kept, or not at all. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { windowFormRefusal } from './window-form.ts';

test('the same form goes on, with whatever else is declared', () => {
  const form = ['window-contents', 'key-timers', 'key-windows(event: count)'];
  assert.equal(windowFormRefusal(form, [...form, 'window:seen', 'early-planned']), undefined);
  assert.equal(windowFormRefusal([], form), undefined, 'nothing was kept');
});

test('another form is refused, and both are named', () => {
  const cases: [readonly string[], readonly string[]][] = [
    [['sessions'], ['window-contents', 'merging-window-set', 'window-timers']],
    [['window-contents'], ['window-contents', 'key-timers', 'key-windows(event: count)']],
    [['key-windows(event: count)'], ['key-windows(event: continuousEventTime)']],
  ];
  for (const [before, now] of cases) {
    for (const [left, right] of [
      [before, now],
      [now, before],
    ] as const) {
      const { reason, fix } = windowFormRefusal(left, right)!;
      for (const name of [...left, ...right]) assert.ok(reason.includes(name), reason);
      assert.match(fix, /uid/);
    }
  }
});
