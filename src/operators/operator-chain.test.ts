/** That readers of one chain who share a record cannot change it for each other. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
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
