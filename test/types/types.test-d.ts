/** What TypeScript infers of schemas, and what it must refuse. Checked by tsc, never run. */
import { z } from 'zod';
import type {
  CalendarDate,
  Decimal,
  Duration,
  Infer,
  JsonValue,
  Schema,
  Timestamp,
} from '../../src/index.ts';
import { decimal, fromStandard, minutes, t, timestamp } from '../../src/index.ts';

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function holds<_Condition extends true>(): void {}

// Primitives.
holds<Equal<Infer<typeof t.string>, string>>();
holds<Equal<Infer<typeof t.boolean>, boolean>>();
holds<Equal<Infer<typeof t.int32>, number>>();
holds<Equal<Infer<typeof t.integer>, number>>();
holds<Equal<Infer<typeof t.int64>, bigint>>();
holds<Equal<Infer<typeof t.timestamp>, Timestamp>>();
holds<Equal<Infer<typeof t.duration>, Duration>>();
holds<Equal<Infer<typeof t.date>, CalendarDate>>();
holds<Equal<Infer<typeof t.bytes>, Uint8Array>>();
holds<Equal<Infer<typeof t.json>, JsonValue>>();
const price = t.decimal(12, 2);
holds<Equal<Infer<typeof price>, Decimal>>();

// Structs are readonly through and through, optional fields may be missing or undefined.
const Order = t.struct({
  id: t.string,
  amount: price,
  note: t.optional(t.string),
  parent: t.nullable(t.string),
  lines: t.array(t.struct({ sku: t.string, count: t.int32 })),
  labels: t.map(t.string, t.array(t.string)),
});
type Order = Infer<typeof Order>;
holds<
  Equal<
    Order,
    {
      readonly id: string;
      readonly amount: Decimal;
      readonly parent: string | null;
      readonly lines: readonly { readonly sku: string; readonly count: number }[];
      readonly labels: ReadonlyMap<string, readonly string[]>;
      readonly note?: string | undefined;
    }
  >
>();
declare const order: Order;
// @ts-expect-error values are immutable
order.id = 'b';
// @ts-expect-error deeply
order.lines[0]!.count = 1;
// @ts-expect-error arrays too
order.lines.push({ sku: 's', count: 1 });
// @ts-expect-error maps too
order.labels.set('a', []);
// @ts-expect-error a missing field
const missing: Order = { id: 'a', amount: decimal('1.00', 2), parent: null, lines: [] };
const whole: Order = {
  id: 'a',
  amount: decimal('1', 2),
  parent: null,
  lines: [{ sku: 's', count: 1 }],
  labels: new Map([['a', ['b']]]),
};
// @ts-expect-error text is not a decimal
const text: Order = { ...whole, amount: '1.00' };
// @ts-expect-error a bare number is not a point in time
const at: Infer<typeof t.timestamp> = 1;
const fine: Infer<typeof t.timestamp> = timestamp(1);
// @ts-expect-error a span is not a point
const span: Infer<typeof t.timestamp> = minutes(1);

// The fields of a struct can be used in another.
const Paid = t.struct({ ...Order.fields, paidAt: t.timestamp });
holds<Equal<Infer<typeof Paid>['paidAt'], Timestamp>>();
holds<Equal<Infer<typeof Paid>['note'], string | undefined>>();

// Tuples, literals, enums.
const pair = t.tuple(t.string, t.int64);
holds<Equal<Infer<typeof pair>, readonly [string, bigint]>>();
const yes = t.literal('yes');
holds<Equal<Infer<typeof yes>, 'yes'>>();
const Status = t.enum('open', 'paid');
holds<Equal<Infer<typeof Status>, 'open' | 'paid'>>();
// @ts-expect-error not a value of the enum
const status: Infer<typeof Status> = 'late';
// @ts-expect-error an enum has values
t.enum();

// Unions.
const Shape = t.union('kind', {
  circle: t.struct({ radius: t.float64 }),
  square: t.struct({ side: t.float64, label: t.optional(t.string) }),
});
type Shape = Infer<typeof Shape>;
holds<
  Equal<
    Shape,
    | { readonly kind: 'circle'; readonly radius: number }
    | { readonly kind: 'square'; readonly side: number; readonly label?: string | undefined }
  >
>();
export function area(shape: Shape): number {
  return shape.kind === 'circle' ? Math.PI * shape.radius ** 2 : shape.side ** 2;
}
// @ts-expect-error the arms of a union are structs
t.union('kind', { circle: t.float64 });
const Either = t.oneOf({ left: Order, right: t.string });
holds<
  Equal<
    Infer<typeof Either>,
    | { readonly side: 'left'; readonly value: Order }
    | { readonly side: 'right'; readonly value: string }
  >
>();

// Optional outside of structs, and the keys of maps.
const sparse = t.array(t.optional(t.int32));
holds<Equal<Infer<typeof sparse>, readonly (number | undefined)[]>>();
// @ts-expect-error an object cannot be the key of a map
t.map(Order, t.string);

// A schema is covariant: what gives more can be used where less is asked.
const wide: Schema<{ readonly id: string }> = Order;
// @ts-expect-error but not the other way round
const narrow: Schema<Order> = t.struct({ id: t.string });
const anything: Schema<Order> = t.any;
holds<Equal<Infer<typeof t.any>, any>>();

// Standard Schema objects.
const zod = z.object({ id: z.string(), tags: z.array(z.string()) });
const Tagged = fromStandard(zod, t.struct({ id: t.string, tags: t.array(t.string) }));
holds<Equal<Infer<typeof Tagged>, { readonly id: string; readonly tags: readonly string[] }>>();
const Loose = fromStandard(zod);
holds<Equal<Infer<typeof Loose>['id'], string>>();
// @ts-expect-error the schema beside it has another type
fromStandard(zod, t.struct({ id: t.int32 }));

void [missing, text, at, fine, span, status, wide, narrow, anything];
