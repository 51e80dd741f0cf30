// Converts payments into euros. Notice: all subtasks keep all rates in broadcast state, written by
// `onBroadcast` alone. A payment waits in state of its key until its rate has come.
import { defineJob, state, t } from 'millrace';

const Payment = t.struct({ id: t.int32, currency: t.string, amount: t.float64 });
const Rate = t.struct({ currency: t.string, euros: t.float64 });

const rates = state.broadcast('rates', t.string, t.float64);

export default defineJob({
  name: 'broadcast-state',
  build(env) {
    const changes = env.fromCollection(
      [
        { currency: 'USD', euros: 0.5 },
        { currency: 'GBP', euros: 1.25 },
      ],
      Rate,
    );
    const converted = env
      .fromCollection(
        [
          { id: 1, currency: 'USD', amount: 30 },
          { id: 2, currency: 'GBP', amount: 8 },
          { id: 3, currency: 'USD', amount: 5 },
          { id: 4, currency: 'CHF', amount: 7 },
        ],
        Payment,
      )
      .keyBy((payment) => payment.currency)
      .connect(changes.broadcast(rates))
      .process({
        emits: t.string,
        state: { waiting: state.list(Payment) },
        outputs: { unknown: Payment },
        onElement(payment, ctx) {
          const euros = ctx.broadcast(rates).get(payment.currency);
          if (euros === undefined) ctx.state.waiting.add(payment);
          else ctx.emit(`payment ${payment.id}: ${payment.amount * euros} EUR`);
        },
        onBroadcast({ currency, euros }, ctx) {
          ctx.broadcast(rates).set(currency, euros);
          ctx.forEachKey('waiting', (key) => {
            if (key !== currency) return;
            for (const { id, amount } of ctx.state.waiting.values()) {
              ctx.emit(`payment ${id}: ${amount * euros} EUR`);
            }
            ctx.state.waiting.clear();
          });
        },
        onEnd(ctx) {
          ctx.forEachKey('waiting', () => {
            for (const payment of ctx.state.waiting.values()) ctx.emitTo('unknown', payment);
          });
        },
      });
    converted.print();
    converted.side.unknown.print('no rate');
  },
});
