// Tests of a part of a job and of the whole, without waiting:
// `npx node --test examples/suspicious-logins.test.ts`. Notice: time passes only when a test lets
// it; every record is frozen and sent through its schema, so that what would fail on a cluster
// fails here; and a snapshot can go on in other subtasks.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defineJob, generator, minutes, plus, seconds, state, t, timestamp } from 'millrace';
import type { DataStream, Infer } from 'millrace';
import { harnessOf, JobHarness } from 'millrace/testing';

const Login = t.struct({ user: t.string, ok: t.boolean, at: t.timestamp });
const failures = state.value(t.int32, { initial: 0 });

/** Users that fail to log in three times or more within five minutes. */
const suspicious = (logins: DataStream<Infer<typeof Login>>) =>
  logins
    .keyBy((login) => login.user)
    .process({
      emits: t.string,
      state: { failures },
      onElement(login, { state: { failures: count }, timers }) {
        if (login.ok) return;
        if (count.get() === 0) timers.onEventTime(plus(login.at, minutes(5)));
        count.set(count.get() + 1);
      },
      onTimer(_at, ctx) {
        if (ctx.state.failures.get() >= 3) ctx.emit(`${ctx.key}: ${ctx.state.failures.get()}`);
        ctx.state.failures.clear();
      },
    });

const job = defineJob({
  name: 'suspicious-logins',
  build(env) {
    const logins = env
      .from(generator(Login, (n) => ({ user: `user-${n % 9}`, ok: n % 4 > 0, at: timestamp(n) })))
      .name('logins')
      .assignTimestamps({ timestamp: (login) => login.at, outOfOrder: seconds(2) });
    suspicious(logins).print('alerts');
  },
});
const failed = (user: string, at: number) => ({ user, ok: false, at: timestamp(at) });

test('a function: what it keeps, its timers, what it says', async () => {
  const harness = await harnessOf(suspicious, { input: Login });
  for (const at of [1000, 2000, 3000]) harness.push(failed('ada', at), at);
  assert.deepEqual(harness.state('ada', { failures }), { failures: 3 });
  assert.deepEqual(harness.eventTimers('ada'), [301_000]);
  harness.watermark(301_000);
  assert.deepEqual(harness.output(), ['ada: 3']);
});

test('a job: restored in the middle, with three subtasks in place of one', async () => {
  const before = await JobHarness.start(job);
  for (const at of [0, 1000]) before.source('logins', Login).emit(failed('bob', at));
  const after = await JobHarness.restore(await before.snapshot(), { parallelism: 3 });
  after.source('logins', Login).emit(failed('bob', 2000));
  await after.end();
  assert.deepEqual(after.outputs('alerts'), ['bob: 3']);
});
