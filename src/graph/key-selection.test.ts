// What is known of key selectors by their text, and when two are known to give other keys.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { t } from '../types/index.ts';
import type { Key } from '../types/schema.ts';
import type { Schema } from '../types/schema.ts';
import { isOtherKey, isPerhapsOtherKey, keyPlaceText, selectionOf } from './key-selection.ts';

const Address = t.struct({ town: t.field(t.string, { alias: 'city' }), zip: t.int32 });
const Order = t.struct({
  customer: t.field(t.string, { alias: ['user', 'item'] }),
  item: t.int64,
  address: t.optional(Address),
});

function selection(select: (value: any) => Key, schema?: Schema<Key>) {
  return selectionOf({ select, schema }, Order.description);
}

const outside = { user: 'a' };

describe('what a key selector takes', () => {
  const UNDERSTOOD: readonly (readonly [(value: any) => Key, string])[] = [
    [(order) => order.item, '.item'],
    [(order: { item: string }) => order.item, '.item'],
    [(order) => order.address.zip, '.address.zip'],
    [({ item }) => item, '.item'],
    [({ item: key }) => key, '.item'],
    [({ address }) => address.zip, '.address.zip'],
    [(value) => value, '.'],
    [(value) => [value], '[.]'],
    [(o) => [o.customer, o.address.zip], '[.customer, .address.zip]'],
    [({ customer, item }) => [customer, item], '[.customer, .item]'],
    [
      (order) => {
        return order.item;
      },
      '.item',
    ],
    [
      function keyOf(order) {
        return order.item;
      },
      '.item',
    ],
  ];
  for (const [select, by] of UNDERSTOOD) {
    it(String(select).replaceAll(/\s+/g, ' '), () => assert.equal(selection(select).by, by));
  }

  const NOT_UNDERSTOOD: readonly ((value: any) => Key)[] = [
    (order) => order.item + 1,
    (order) => String(order.item),
    (order) => order.item.trim(),
    (order) => `${order.item}`,
    (order) => order['item'], // eslint-disable-line dot-notation
    () => outside.user,
    (_order) => outside.user,
    (order) => [order.item, [order.customer]],
    ({ item = 1 }) => item,
    ({ ...rest }) => rest['item'], // eslint-disable-line dot-notation
    (order) => {
      const { item } = order;
      return item;
    },
    (order) => order.item ?? order.customer,
    (order) => (order.item, order.customer), // eslint-disable-line no-sequences
    String,
  ];
  for (const select of NOT_UNDERSTOOD) {
    it(`not ${String(select).replaceAll(/\s+/g, ' ')}`, () => {
      assert.match(selection(select).by, /^#[0-9a-f]{32}$/);
      assert.deepEqual(selection(select), selection(select));
    });
  }

  it('is of the family that the schema of the record says', () => {
    assert.equal(selection((o) => o.customer).family, 'string');
    assert.equal(selection((o) => o.item).family, 'bigint');
    assert.equal(selection((o) => o.address.zip).family, 'number');
    assert.equal(selection((o) => [o.item]).family, 'tuple');
    assert.equal(selection((o) => o.other).family, undefined);
    assert.equal(selection((o) => o.address).family, undefined);
    assert.equal(selection((o) => o.other, t.string).family, 'string');
  });
});

describe('another key', () => {
  const item = selection((o) => o.item);
  const customer = selection((o) => o.customer);

  it('is known where both are fields', () => {
    assert.ok(isOtherKey('.customer', item));
    assert.ok(isOtherKey('.', item));
    assert.ok(isOtherKey('[.item]', item));
    assert.ok(!isOtherKey('.item', item));
    assert.ok(!isPerhapsOtherKey('.customer', item));
  });

  it('is not known of functions, which may be others', () => {
    assert.ok(!isOtherKey('#1', item));
    assert.ok(isPerhapsOtherKey('#1', item));
    const computed = selection((o) => o.item + 1);
    assert.ok(!isOtherKey('.item', computed));
    assert.ok(isPerhapsOtherKey('.item', computed));
    assert.ok(!isPerhapsOtherKey(computed.by, computed));
  });

  it('is the same one under a name that its field had', () => {
    assert.ok(!isOtherKey('.user', customer));
    // It is a field of its own now.
    assert.ok(isOtherKey('.item', customer));
    assert.ok(
      !isOtherKey(
        '.address.city',
        selection((o) => o.address.town),
      ),
    );
    const both = selection((o) => [o.address.town, o.customer]);
    assert.ok(!isOtherKey('[.address.city, .user]', both));
    assert.ok(!isOtherKey('[.address.town, .user]', both));
    assert.ok(isOtherKey('[.user, .address.city]', both));
    const declared = selection((o) => o.other, t.field(t.string, { alias: 'former.name' }));
    assert.ok(!isOtherKey('.former.name', declared));
  });

  it('is told in words', () => {
    assert.equal(keyPlaceText('.address.zip'), 'address.zip');
    assert.equal(keyPlaceText('[.a, .b.c, .]'), '[a, b.c, the record itself]');
  });
});
