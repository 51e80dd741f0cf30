// The machine that takes checkpoints against every order of what can happen: what it has begun ends
// once, and what it says keeps the promises of coordinator-machine.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { cases } from '../base/cases.test-kit.ts';
import { BROKEN, CoordinatorUnderTest } from './coordinator.test-kit.ts';
import type { TaskStanding } from './checkpoint-plan.ts';
import { nextTickOf } from './coordinator-machine.ts';
import type { CoordinatorEffect, SavepointRequest } from './coordinator-state.ts';

const KEY = 'execution.checkpointing';

interface Action {
  readonly kind: 'pass' | 'request' | 'tasks' | 'answer' | 'decline' | 'complete' | 'fail' | 'late';
  readonly pick: number;
}

/** What the world has seen of the machine. */
class Witness {
  readonly begun = new Set<number>();
  readonly ended = new Set<number>();
  readonly answered = new Set<number>();
  readonly durable = new Set<number>();
  readonly savepoints = new Set<number>();
  readonly completing = new Set<number>();
  latest = 0;

  see(effect: CoordinatorEffect, coordinator: CoordinatorUnderTest): void {
    const { state } = coordinator;
    switch (effect.kind) {
      case 'prepare': {
        const { checkpointId, request } = effect.pending;
        assert.ok(checkpointId > Math.max(0, ...this.begun), 'C1');
        assert.ok(this.begun.size - this.ended.size < state.config.maxConcurrent, 'C3');
        assert.ok(!state.tasks.includes('absent'), 'C6');
        this.begun.add(checkpointId);
        const { savepoint } = request;
        if (savepoint !== undefined && savepoint.stop === undefined) {
          this.savepoints.add(checkpointId);
        }
        return;
      }
      case 'complete':
        assert.equal(effect.pending.acknowledged.size, effect.pending.plan.participants.length);
        this.completing.add(effect.pending.checkpointId);
        return;
      case 'completed':
      case 'aborted': {
        const { checkpointId, request } = effect.pending;
        assert.ok(this.begun.has(checkpointId) && !this.ended.has(checkpointId), 'C2');
        this.ended.add(checkpointId);
        this.completing.delete(checkpointId);
        if (request.requestId !== 0) this.#answer(request.requestId);
        if (effect.kind === 'completed') this.durable.add(checkpointId);
        return;
      }
      case 'notify': {
        const { checkpointId, outcome, latestComplete } = effect.notice;
        assert.ok(this.ended.has(checkpointId), 'C2');
        assert.equal(outcome === 'complete', this.durable.has(checkpointId), 'C2');
        if (outcome === 'complete') assert.ok(!this.savepoints.has(checkpointId), 'C8');
        assert.ok(latestComplete >= this.latest, 'C8');
        assert.ok(latestComplete === 0 || this.durable.has(latestComplete), 'C8');
        this.latest = latestComplete;
        return;
      }
      case 'refuse':
        this.#answer(effect.requestId);
        return;
      default:
    }
  }

  #answer(requestId: number): void {
    assert.ok(!this.answered.has(requestId), `request ${requestId} was answered twice`);
    this.answered.add(requestId);
  }
}

const action: fc.Arbitrary<Action> = fc.record({
  kind: fc.constantFrom(
    ...(['pass', 'pass', 'request', 'tasks', 'answer', 'answer', 'answer'] as const),
    ...(['decline', 'complete', 'complete', 'fail', 'late'] as const),
  ),
  pick: fc.nat({ max: 1000 }),
});

const settings = fc.record({
  maxConcurrent: fc.integer({ min: 1, max: 3 }),
  minPause: fc.constantFrom('0 ms', '30 ms'),
  tolerable: fc.constantFrom('0', '3', '1000000'),
});

const SAVEPOINTS: readonly (SavepointRequest['stop'] | 'none')[] = [
  ...(['none', 'none', undefined, undefined, 'drain', 'suspend'] as const),
];

function act(coordinator: CoordinatorUnderTest, { kind, pick }: Action, requests: number[]): void {
  const { pending } = coordinator.state;
  const open = pending.filter(({ phase }) => phase !== 'completing');
  const closing = pending.filter(({ phase }) => phase === 'completing');
  switch (kind) {
    case 'pass':
      coordinator.pass(pick % 150);
      return;
    case 'request': {
      const requestId = requests.length + 1;
      requests.push(requestId);
      const stop = SAVEPOINTS[pick % SAVEPOINTS.length]!;
      const savepoint =
        stop === 'none' ? undefined : { directory: '/', format: 'native' as const, stop };
      coordinator.request({ requestId, savepoint });
      return;
    }
    case 'tasks': {
      const choices: readonly TaskStanding[] = [
        'running',
        'running',
        'absent',
        'ready',
        'finished',
      ];
      const changed = coordinator.state.tasks.map((standing, index) =>
        index === pick % 4 ? choices[pick % choices.length]! : standing,
      );
      coordinator.feed({ kind: 'tasks', tasks: changed });
      return;
    }
    case 'answer': {
      const one = open[pick % Math.max(open.length, 1)];
      if (one === undefined) return;
      const { checkpointId, phase } = one;
      if (phase === 'preparing') {
        coordinator.feed({ kind: 'prepared', checkpointId, location: 'x' });
      } else if (phase === 'sources') {
        coordinator.feed({ kind: 'sources-snapshot', checkpointId, sources: [] });
      } else {
        coordinator.acknowledge(checkpointId, one.plan.participants[pick % 3]!);
        for (const each of one.plan.participants) coordinator.acknowledge(checkpointId, each);
      }
      return;
    }
    case 'decline': {
      const checkpointId = open[pick % Math.max(open.length, 1)]?.checkpointId ?? 10_000;
      coordinator.feed({ kind: 'declined', checkpointId, error: BROKEN });
      return;
    }
    case 'complete':
    case 'fail': {
      const checkpointId = closing[pick % Math.max(closing.length, 1)]?.checkpointId;
      if (checkpointId === undefined) return;
      if (kind === 'complete') coordinator.feed({ kind: 'completed', checkpointId });
      else coordinator.feed({ kind: 'completion-failed', checkpointId, error: BROKEN });
      return;
    }
    case 'late':
      coordinator.acknowledge(pick % 20, pick % 4);
  }
}

test('C1 to C10 hold in every order of events, and everything comes to an end', () => {
  const property = fc.property(settings, fc.array(action, { maxLength: 80 }), (given, actions) => {
    const coordinator = new CoordinatorUnderTest({
      [`${KEY}.max-concurrent-checkpoints`]: String(given.maxConcurrent),
      [`${KEY}.min-pause`]: given.minPause,
      [`${KEY}.tolerable-failed-checkpoints`]: given.tolerable,
    });
    const witness = new Witness();
    const requests: number[] = [];
    const observe = (): void => {
      for (const effect of coordinator.effects.splice(0)) witness.see(effect, coordinator);
    };
    coordinator.run();
    observe();
    for (const each of actions) {
      act(coordinator, each, requests);
      observe();
    }
    coordinator.feed({ kind: 'ended' });
    observe();
    for (const checkpointId of witness.completing) {
      coordinator.feed({ kind: 'completed', checkpointId });
      observe();
    }
    assert.deepEqual(witness.ended, witness.begun, 'C2');
    assert.equal(witness.answered.size, requests.length);
    assert.equal(nextTickOf(coordinator.state), undefined);
  });
  fc.assert(property, { numRuns: cases(500), seed: 6 });
});
