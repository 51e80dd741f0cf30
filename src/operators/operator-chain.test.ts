/**
 * That readers of one chain who share a record cannot change it for each other, and that what each
 * operator is given and emits is counted.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { FilterOperator } from './filter-operator.ts';
import { FlatMapOperator } from './flat-map-operator.ts';
import { MapOperator } from './map-operator.ts';
import { OperatorChain, type ChainMember, type ContextOf } from './operator-chain.ts';
import type { Downstream, Operator, OperatorContext } from './operator.ts';

/** Hands on what it gets, or does to it what the test says. */
class Probe implements Operator, Downstream {
  #output: Downstream | undefined;
  readonly #act: ((value: unknown) => void) | undefined;

  constructor(act?: (value: unknown) => void) {
    this.#act = act;
  }

  open(context: OperatorContext): void {
    this.#output = context.output;
  }

  process(value: unknown, timestamp: number): void {
    this.#act?.(value);
    this.#output!.process(value, timestamp);
  }

  close(): void {}
}

async function run(verify: 'off' | 'sample', readers: readonly Probe[]): Promise<void> {
  const head = new Probe();
  const members: ChainMember[] = [
    {
      id: 'head',
      name: 'head',
      operator: head,
      outputs: readers.map((_, index) => ({ tag: undefined, member: index + 1 })),
    },
    ...readers.map((operator, index) => {
      return { id: `r${index}`, name: `r${index}`, operator, outputs: [] };
    }),
  ];
  const chain = new OperatorChain(members, verify);
  const contextOf: ContextOf = (_, outputs) =>
    ({ output: outputs.main }) as unknown as OperatorContext;
  await chain.open(contextOf);
  head.process({ n: 1 }, 0);
  await chain.close();
}

const change = (value: unknown): void => {
  (value as { n: number }).n += 100;
};

it('a record with several readers in a chain is frozen before the first gets it', async () => {
  const seen: unknown[] = [];
  const readers = [new Probe(change), new Probe((value) => seen.push(value))];
  await assert.rejects(run('sample', readers), { name: 'TypeError', message: /read only/ });
  assert.deepEqual(seen, []);
});

it('a record with one reader is its own; so are all where nothing is verified', async () => {
  await run('sample', [new Probe(change)]);
  const seen: unknown[] = [];
  await run('off', [new Probe(change), new Probe((value) => seen.push(value))]);
  assert.deepEqual(seen, [{ n: 101 }]);
});

/** An operator that leaves it to the chain to count: small numbers twice, large ones aside. */
class SomeTwice extends Probe {
  #aside: Downstream | undefined;

  override open(context: OperatorContext): void {
    super.open(context);
    this.#aside = context.sideOutput('large');
  }

  override process(value: unknown, timestamp: number): void {
    super.process(value, timestamp);
    if (Number(value) < 3) super.process(value, timestamp);
    if (Number(value) > 8) this.#aside!.process(value, timestamp);
  }
}

it('every operator of a chain has counted what it was given and has emitted', async () => {
  const given = new MapOperator((value) => value);
  const members: ChainMember[] = [
    {
      ...{ id: 'map', name: 'map', operator: given },
      outputs: [
        { tag: undefined, member: 1 },
        { tag: undefined, member: 2 },
      ],
    },
    {
      ...{ id: 'filter', name: 'filter', operator: new FilterOperator((n) => Number(n) > 6) },
      outputs: [],
    },
    {
      ...{ id: 'twice', name: 'twice', operator: new FlatMapOperator((value) => [value, value]) },
      outputs: [{ tag: undefined, member: 3 }],
    },
    {
      ...{ id: 'even', name: 'even', operator: new FilterOperator((n) => Number(n) % 2 === 0) },
      outputs: [{ tag: undefined, member: 4 }],
    },
    {
      ...{ id: 'some', name: 'some', operator: new SomeTwice() },
      outputs: [{ tag: undefined, member: 5 }],
    },
    { ...{ id: 'last', name: 'last', operator: new Probe() }, outputs: [] },
  ];
  const chain = new OperatorChain(members);
  await chain.open(
    (member, outputs) =>
      ({
        open: { operatorName: member.name },
        output: outputs.main,
        sideOutput: (tag: string) => outputs.side(tag),
      }) as unknown as OperatorContext,
  );
  for (let n = 1; n <= 10; n += 1) given.process(n, 0);
  const counted = members.map((_, place) => chain.recordsOf(place, 10));
  assert.deepEqual(
    counted.map(({ recordsIn }) => recordsIn),
    [10, 10, 10, 20, 10, 12],
  );
  assert.deepEqual(
    counted.map(({ recordsOut }) => recordsOut),
    [10, 4, 20, 10, 14, 12],
    'once for two readers, and also where nobody reads',
  );
  await chain.close();
});
