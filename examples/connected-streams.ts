// Finds the orders that were paid, and those that were not. Notice: two streams keyed alike share
// the state of a key, whichever side comes first; `onEnd` sees what is left when both have ended.
import { defineJob, state, t } from 'millrace';

const Order = t.struct({ id: t.string, item: t.string });
const Payment = t.struct({ order: t.string, cents: t.int32 });

export default defineJob({
  name: 'connected-streams',
  build(env) {
    const orders = env.fromCollection(
      [
        { id: 'a1', item: 'lamp' },
        { id: 'a2', item: 'chair' },
        { id: 'a3', item: 'table' },
      ],
      Order,
    );
    const payments = env.fromCollection(
      [
        { order: 'a3', cents: 12_900 },
        { order: 'a1', cents: 4_500 },
      ],
      Payment,
    );
    const paid = orders
      .keyBy((order) => order.id)
      .connect(payments.keyBy((payment) => payment.order))
      .process({
        emits: t.string,
        state: { order: state.value(Order), payment: state.value(Payment) },
        outputs: { unpaid: t.string },
        onLeft(order, ctx) {
          const payment = ctx.state.payment.get();
          if (payment === undefined) return ctx.state.order.set(order);
          ctx.emit(`${order.item}: ${payment.cents / 100}`);
          ctx.state.payment.clear();
        },
        onRight(payment, ctx) {
          const order = ctx.state.order.get();
          if (order === undefined) return ctx.state.payment.set(payment);
          ctx.emit(`${order.item}: ${payment.cents / 100}`);
          ctx.state.order.clear();
        },
        onEnd(ctx) {
          ctx.forEachKey('order', () => ctx.emitTo('unpaid', ctx.state.order.get()!.item));
        },
      });
    paid.print('paid');
    paid.side.unpaid.print('unpaid');
  },
});
