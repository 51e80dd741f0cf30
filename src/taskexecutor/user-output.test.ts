// What user code prints: whose line it is, and that no character of it is lost.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { milliseconds } from '../base/units.ts';
import type { Log } from '../env/env.ts';
import type { SlotOutput } from '../protocol/slot-messages.ts';
import type { TaskDeployment } from '../protocol/task-deployment.ts';
import { ManualClock } from '../rpc/manual-clock.test-kit.ts';
import { UserOutput } from './user-output.ts';

class Rig {
  readonly clock = new ManualClock();
  readonly logged: string[] = [];
  kept = '';
  readonly output: UserOutput;

  constructor() {
    const log: Log = {
      write: (level, message, fields) => {
        const { task = '-', operator = '-', stream } = fields as Readonly<Record<string, string>>;
        this.logged.push(`${level} ${stream} [${task}] [${operator}] ${message}`);
      },
      with: () => log,
    };
    const keep = (text: string): void => void (this.kept += text);
    this.output = new UserOutput({ clock: this.clock, log, keep });
    this.output.deployed([deployment('a', 'numbers -> map'), deployment('b', undefined)]);
  }

  write(text: string, more: Partial<SlotOutput> = {}): void {
    this.output.take({
      ...{ stream: 'stdout', text, executionId: 'a', operator: undefined },
      ...more,
    });
  }
}

function deployment(executionId: string, name: string | undefined): TaskDeployment {
  const place = { vertex: 'v', subtask: 1, parallelism: 2 };
  return { executionId, name, ...place } as unknown as TaskDeployment;
}

test('a line names its task, and the operator where the task has one', () => {
  const rig = new Rig();
  rig.write('one\n\ntwo\r\n');
  rig.write('oops\n', { stream: 'stderr', executionId: 'b', operator: 'filter' });
  rig.write('who?\n', { executionId: undefined });
  rig.output.line('stderr', 'past it');
  assert.deepEqual(rig.logged, [
    'info stdout [numbers -> map (2/2)] [-] one',
    'info stdout [numbers -> map (2/2)] [-] two',
    'warn stderr [v (2/2)] [filter] oops',
    'info stdout [-] [-] who?',
    'warn stderr [-] [-] past it',
  ]);
  assert.equal(rig.kept, 'one\n\ntwo\r\noops\nwho?\npast it\n');
});

test('U1, U2: pieces become the line of the task that began it', async () => {
  const rig = new Rig();
  rig.write('be');
  rig.write('gun\nand ', { executionId: 'b' });
  rig.write('more');
  assert.deepEqual(rig.logged, ['info stdout [numbers -> map (2/2)] [-] begun']);
  await rig.clock.pass(milliseconds(200));
  assert.equal(rig.logged.at(-1), 'info stdout [v (2/2)] [-] and more');
  rig.write('x'.repeat(70_000));
  assert.deepEqual(
    rig.logged
      .slice(2)
      .map((line) => line.length - 'info stdout [numbers -> map (2/2)] [-] '.length),
    [65_536, 70_000 - 65_536],
  );
  rig.write('last');
  rig.output[Symbol.dispose]();
  assert.match(rig.logged.at(-1)!, / last$/);
  await rig.clock.pass(milliseconds(200));
  assert.equal(rig.logged.length, 5, 'nothing is told twice');
});
