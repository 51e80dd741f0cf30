// Accounts in state on the heap that go on changing without end, while checkpoints are taken.
import { defineJob, discard, param, state, t } from 'millrace';

const Account = t.struct({
  owner: t.string,
  note: t.string,
  balance: t.float64,
  changes: t.integer,
});

export default defineJob({
  name: 'heap-state',
  params: { keys: param(t.integer, 1_000_000) },
  build(env, { keys }) {
    env
      .sequence(0, Number.MAX_SAFE_INTEGER - 1)
      .uid('numbers')
      .keyBy((n) => n % keys)
      .process({
        emits: t.float64,
        state: { account: state.value(Account) },
        onElement(n, ctx) {
          const key = n % keys;
          ctx.state.account.set({
            owner: `owner number ${key}`,
            note: 'prefers to be called in the morning',
            balance: n + 0.5,
            changes: Math.floor(n / keys),
          });
          ctx.emit(n);
        },
      })
      .uid('accounts')
      .sinkTo(discard())
      .uid('nowhere');
  },
});
