// Validates what comes in with zod. Notice: `fromStandard` takes a schema of zod (valibot, arktype
// ...) for what a record must be, and one of Millrace for how it is stored and sent; lines that are
// no records come out at the side, with their place and the reason.
import { defineJob, fromStandard, t } from 'millrace';
import { files } from 'millrace/connectors/files';
import { json } from 'millrace/formats';
import { z } from 'zod';

const Order = fromStandard(
  z.object({
    id: z.string().regex(/^A-\d+$/),
    email: z.email(),
    items: z.array(z.object({ sku: z.string(), pieces: z.int().min(1) })).min(1),
  }),
  t.struct({
    id: t.string,
    email: t.string,
    items: t.array(t.struct({ sku: t.string, pieces: t.int32 })),
  }),
);

export default defineJob({
  name: 'zod-validation',
  build(env) {
    const orders = env.from(
      files.source({
        path: 'examples/data/orders.jsonl',
        format: json(Order),
        onError: 'side-output',
      }),
    );
    orders
      .flatMap(({ id, items }) => items.map(({ sku, pieces }) => `${id}: ${pieces} x ${sku}`))
      .print('order');
    orders.side.malformed.map(({ line, reason }) => `line ${line}: ${reason}`).print('refused');
  },
});
