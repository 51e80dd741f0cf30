// Finds accounts where a log-in fails three times in a row. Notice: state is declared with a
// schema, and `ctx.state` is always that of the record's key, so that one function serves all
// accounts.
import { defineJob, state, t } from 'millrace';

const Login = t.struct({ user: t.string, address: t.string, ok: t.boolean });
const Alert = t.struct({ user: t.string, addresses: t.array(t.string) });

export default defineJob({
  name: 'keyed-state',
  build(env) {
    env
      .fromCollection(
        [
          { user: 'ada', address: '10.0.0.1', ok: false },
          { user: 'bob', address: '10.0.0.7', ok: false },
          { user: 'ada', address: '10.0.0.2', ok: false },
          { user: 'bob', address: '10.0.0.7', ok: true },
          { user: 'ada', address: '10.0.0.1', ok: false },
          { user: 'bob', address: '10.0.0.7', ok: false },
          { user: 'bob', address: '10.0.0.7', ok: false },
        ],
        Login,
      )
      .keyBy((login) => login.user)
      .process({
        emits: Alert,
        state: {
          failures: state.value(t.int32, { initial: 0 }),
          addresses: state.map(t.string, t.int32),
        },
        onElement({ address, ok }, ctx) {
          const { failures, addresses } = ctx.state;
          if (ok) {
            failures.clear();
            addresses.clear();
            return;
          }
          failures.set(failures.get() + 1);
          addresses.set(address, (addresses.get(address) ?? 0) + 1);
          if (failures.get() === 3) {
            ctx.emit({ user: ctx.key, addresses: [...addresses.keys()].sort() });
          }
        },
      })
      .print('alert');
  },
});
