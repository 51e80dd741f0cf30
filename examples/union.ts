// Adds up what two tills have sold. Notice: `union` takes streams of one type, so that what differs
// is made alike by `map` before; records of several streams come in no particular order.
import { defineJob, state, t } from 'millrace';

const Sale = t.struct({ item: t.string, pieces: t.int32 });

export default defineJob({
  name: 'union',
  build(env) {
    const north = env.fromCollection(
      [
        { item: 'bread', pieces: 3 },
        { item: 'milk', pieces: 2 },
      ],
      Sale,
    );
    const south = env
      .fromElements('bread,2', 'eggs,12', 'milk,1')
      .map((line) => line.split(','))
      .map(([item, pieces]) => ({ item: item!, pieces: Number(pieces) }));
    north
      .union(south)
      .returns(Sale)
      .keyBy((sale) => sale.item)
      .process({
        emits: Sale,
        state: { pieces: state.reducing(t.int32, (a, b) => a + b) },
        onElement: (sale, ctx) => ctx.state.pieces.add(sale.pieces),
        onEnd(ctx) {
          ctx.forEachKey('pieces', (item) => ctx.emit({ item, pieces: ctx.state.pieces.get()! }));
        },
      })
      .print();
  },
});
