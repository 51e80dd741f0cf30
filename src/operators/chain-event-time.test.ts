// Whom event time reaches in a chain that branches and in which it begins anew.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { ControlElement } from '../network/control-element.ts';
import type { RecordWriter } from '../network/record-writer.ts';
import { OperatorChain, type ChainMember, type MemberOutputs } from './operator-chain.ts';
import type { Downstream, Operator, OperatorContext } from './operator.ts';

/** What happened, in order: `name watermark` for calls, `> edge element` for what was sent. */
type Story = string[];

class Noting implements Operator, Downstream {
  readonly #name: string;
  readonly #story: Story;
  #output!: Downstream;

  constructor(name: string, story: Story) {
    this.#name = name;
    this.#story = story;
  }

  open(context: OperatorContext): void {
    this.#output = context.output;
  }

  process(value: unknown, timestamp: number): void {
    this.#output.process(value, timestamp);
  }

  closeEpoch(): void {
    this.#story.push(`${this.#name} closes`);
  }

  watermark(timestamp: number): boolean {
    this.#story.push(`${this.#name} ${timestamp}`);
    return true;
  }

  close(): void {}
}

class Generating extends Noting {
  readonly generatesTime = true;
  context!: OperatorContext;

  override open(context: OperatorContext): void {
    super.open(context);
    this.context = context;
  }

  override closeEpoch(): void {
    assert.fail('event time from before ends here');
  }

  override watermark(timestamp: number): boolean {
    assert.equal(timestamp, Infinity, 'event time from before ends here');
    this.context.emitWatermark(timestamp);
    return true;
  }
}

function edge(name: string, story: Story): RecordWriter {
  const control = (element: ControlElement): void => {
    const what =
      element.kind === 'watermark'
        ? element.timestamp
        : element.kind === 'status'
          ? element.status
          : element.kind;
    story.push(`> ${name} ${what}`);
  };
  const process = (value: unknown): void => void story.push(`> ${name} record ${String(value)}`);
  return { control, process } as unknown as RecordWriter;
}

/**
 * head -> first -> (edge a, inner generator -> last -> edge b), and head -> edge c as a side
 * output; `headGenerates` makes the head a generator too.
 */
async function chainOf(story: Story, headGenerates = false) {
  const make = (name: string, generates: boolean): Noting =>
    generates ? new Generating(name, story) : new Noting(name, story);
  const head = make('head', headGenerates);
  const inner = new Generating('inner', story);
  const main = undefined;
  const members: ChainMember[] = [
    {
      ...{ id: 'head', name: 'head', operator: head },
      outputs: [
        { tag: main, member: 1 },
        { tag: 'side', writer: edge('c', story) },
      ],
    },
    {
      ...{ id: 'first', name: 'first', operator: make('first', false) },
      outputs: [
        { tag: main, writer: edge('a', story) },
        { tag: main, member: 2 },
      ],
    },
    { id: 'inner', name: 'inner', operator: inner, outputs: [{ tag: main, member: 3 }] },
    {
      ...{ id: 'last', name: 'last', operator: make('last', false) },
      outputs: [{ tag: main, writer: edge('b', story) }],
    },
  ];
  const chain = new OperatorChain(members);
  const outputs = new Map<string, MemberOutputs>();
  await chain.open((member, given) => {
    outputs.set(member.id, given);
    return {
      output: given.main,
      emitWatermark: (timestamp: number) => given.emitWatermark(timestamp),
      emitStatus: (status: 'active' | 'idle') => given.emitStatus(status),
    } as unknown as OperatorContext;
  });
  const watermarks = (): number[] => [...members.keys()].map((i) => at(i).watermark());
  const at = (index: number): MemberOutputs => outputs.get(members[index]!.id)!;
  return { chain, head: head as Generating, inner, watermarks };
}

it('C4: a watermark of the input goes as far as the next operator that generates event time', async () => {
  const story: Story = [];
  const { chain, watermarks } = await chainOf(story);
  assert.equal(chain.watermark(5), true);
  assert.deepEqual(story, [
    ...['head closes', 'first closes', 'head 5', 'first 5', '> a 5', '> c 5'],
  ]);
  assert.deepEqual(watermarks(), [5, 5, -Infinity, -Infinity]);
  assert.equal(chain.lastWatermark, -Infinity);
});

it('C4: what an operator emits goes to what descends from it, after its records', async () => {
  const story: Story = [];
  const { chain, inner, watermarks } = await chainOf(story);
  (chain.head as unknown as Downstream).process('x', 1);
  inner.context.emitWatermark(7);
  inner.context.emitStatus('idle');
  assert.deepEqual(story, [
    ...['> a record x', '> b record x', 'last closes', 'last 7', '> b 7', '> b idle'],
  ]);
  assert.deepEqual(watermarks(), [-Infinity, -Infinity, 7, 7]);
  assert.equal(chain.lastWatermark, 7);
});

it('C4: idleness of the input ends there too, epoch marks and the end do not', async () => {
  const story: Story = [];
  const { chain } = await chainOf(story);
  chain.status('idle');
  chain.broadcast({ kind: 'epoch', id: 1 });
  assert.deepEqual(story, ['> a idle', '> c idle', ...['c', 'a', 'b'].map((e) => `> ${e} epoch`)]);
});

it('the end of event time reaches everything, through every generator, once', async () => {
  for (const headGenerates of [false, true]) {
    const story: Story = [];
    const { chain, watermarks } = await chainOf(story, headGenerates);
    assert.equal(chain.watermark(Infinity), true);
    const sent = story.filter((line) => line.startsWith('>')).toSorted();
    assert.deepEqual(sent, ['> a Infinity', '> b Infinity', '> c Infinity']);
    assert.deepEqual(watermarks(), [Infinity, Infinity, Infinity, Infinity]);
  }
});

it('a generator at the head takes the place of the driver', async () => {
  const story: Story = [];
  const { chain, head, watermarks } = await chainOf(story, true);
  assert.equal(chain.watermark(3), true);
  chain.status('idle');
  assert.deepEqual(story, []);
  head.context.emitWatermark(9);
  head.context.emitStatus('idle');
  assert.deepEqual(story, [
    ...['first closes', 'first 9', '> a 9', '> c 9', '> a idle', '> c idle'],
  ]);
  assert.deepEqual(watermarks(), [9, 9, -Infinity, -Infinity]);
});

it('O8: who does not generate event time cannot emit it', async () => {
  const { chain } = await chainOf([]);
  let outputs: MemberOutputs | undefined;
  const again = new OperatorChain(chain.members);
  await again.open((member, given) => {
    if (member.id === 'first') outputs = given;
    return { output: given.main } as unknown as OperatorContext;
  });
  assert.throws(() => outputs!.emitWatermark(1), /O8/);
});
