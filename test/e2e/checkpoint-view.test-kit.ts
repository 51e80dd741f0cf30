/** A cluster in this process, and what its REST interface tells of the checkpoints of a job. */
import assert from 'node:assert/strict';
import { milliseconds } from '../../src/base/units.ts';
import { Configuration } from '../../src/config/configuration.ts';
import type { Env } from '../../src/env/env.ts';
import { nodeHttpServer } from '../../src/env/node/http-server.ts';
import { LONGEST_WAIT_MILLIS } from '../../src/deploy/checkpoint-rig.test-kit.ts';
import { MiniCluster } from '../../src/deploy/mini-cluster.ts';

/** An entry of the history. */
export interface SeenCheckpoint {
  readonly id: number;
  readonly status: 'IN_PROGRESS' | 'COMPLETED' | 'FAILED';
  readonly trigger_timestamp: number;
  readonly latest_ack_timestamp: number;
  readonly end_to_end_duration: number;
  readonly num_acknowledged_subtasks: number;
  readonly persisted_data: number;
  readonly failure_message?: string;
}

export interface SeenCheckpoints {
  readonly counts: Readonly<Record<'total' | 'in_progress' | 'completed' | 'failed', number>>;
  readonly latest: { readonly failed: SeenCheckpoint | null };
  /** Newest first. */
  readonly history: readonly SeenCheckpoint[];
}

/** With as many slots as its jobs need; remembers many checkpoints. */
export function clusterWithRest(env: Env): Promise<MiniCluster> {
  const settings = { 'rest.port': '0', 'web.checkpoints.history': '1000' };
  const rest = {
    http: nodeHttpServer(env.log),
    version: '0.0.0',
    token: undefined,
    shutDown: () => undefined,
  };
  const configuration = Configuration.parse(settings);
  return MiniCluster.start({ env, configuration, rest });
}

export class CheckpointView {
  readonly #env: Env;
  readonly #url: string;

  constructor(env: Env, cluster: MiniCluster, jobId: string) {
    this.#env = env;
    this.#url = `${cluster.rest!.url}/jobs/${jobId}/checkpoints`;
  }

  async seen(): Promise<SeenCheckpoints> {
    return (await this.#fetch('')) as SeenCheckpoints;
  }

  async until(condition: (seen: SeenCheckpoints) => boolean): Promise<SeenCheckpoints> {
    const since = this.#env.clock.monotonic();
    for (;;) {
      const seen = await this.seen();
      if (condition(seen)) return seen;
      const waited = this.#env.clock.monotonic() - since;
      const text = (): string =>
        `in vain for ${condition.toString()}: ${JSON.stringify(seen.counts)}`;
      assert.ok(waited < LONGEST_WAIT_MILLIS, text());
      await new Promise<void>((resolve) => this.#env.clock.after(milliseconds(10), resolve));
    }
  }

  /** Complete ones, beyond those there are now. */
  async more(count = 1): Promise<void> {
    const before = (await this.seen()).counts.completed;
    await this.until(({ counts }) => counts.completed >= before + count);
  }

  /** Asks for one, and does not wait for it. */
  async trigger(): Promise<void> {
    const answer = await this.#fetch('', { checkpointType: 'CONFIGURED' });
    assert.ok(typeof answer['request-id'] === 'string', JSON.stringify(answer));
  }

  /** Asks for one. @returns why there is none; undefined if there is */
  async take(): Promise<string | undefined> {
    const answer = await this.#fetch('', { checkpointType: 'CONFIGURED' });
    for (;;) {
      const { status, operation } = await this.#fetch(`/${answer['request-id']}`);
      if (status.id === 'COMPLETED') return operation['failure-cause']?.['stack-trace'];
      await new Promise<void>((resolve) => this.#env.clock.after(milliseconds(10), resolve));
    }
  }

  async #fetch(path: string, body?: object): Promise<any> {
    const post = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    };
    const answer = await fetch(this.#url + path, body === undefined ? {} : post);
    const text = await answer.text();
    assert.ok(answer.ok, text);
    return JSON.parse(text);
  }
}
