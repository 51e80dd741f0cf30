// A cluster in this process that is reached over HTTP, and the calls of a client with its token.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleHeaderLine } from '../base/bundle-header.ts';
import { Configuration } from '../config/configuration.ts';
import type { Log } from '../env/env.ts';
import { nodeHttpServer } from '../env/node/http-server.ts';
import type { RestServer } from '../rest/rest-server.ts';
import { MiniCluster } from './mini-cluster.ts';
import { clusterEnv } from './cluster-env.test-kit.ts';

export const ENGINE = '0.0.7';
export const TOKEN = '0123456789abcdef'.repeat(4);

const env = clusterEnv();

/** Three jobs: one that goes on, one that ends and counts, one that fails. */
export const BUNDLE: string = `${bundleHeaderLine({ engine: ENGINE, job: 'jobs.ts', externals: [] })}
import { defineJob, discard, generator, param, t } from 'millrace';

export const endless = defineJob({
  name: 'surface-probe',
  params: { password: param(t.string, 'none') },
  build(env) {
    env
      .from(generator(t.float64, (n) => n, { ratePerSecond: 1000 }))
      .keyBy((n) => n % 8)
      .sum()
      .sinkTo(discard({ checksum: () => 1 }));
  },
});

export const short = defineJob({
  name: 'short',
  build: (env) => void env.sequence(1, 10).sinkTo(discard({ checksum: () => 1 })),
});

export const fails = defineJob({
  name: 'fails',
  build(env) {
    env
      .sequence(1, 10)
      .map((n) => {
        if (n === 7) throw new Error('boom at postgres://user:hunter2@db/x');
        return n;
      })
      .sinkTo(discard());
  },
});
`;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Undefined if the text is no JSON. */
  readonly json: any;
}

export class RestRig implements AsyncDisposable {
  readonly cluster: MiniCluster;
  readonly lines: string[];
  readonly ended: Promise<void>;
  readonly #folder: string;

  private constructor(folder: string, cluster: MiniCluster, lines: string[], ended: Promise<void>) {
    this.#folder = folder;
    this.cluster = cluster;
    this.lines = lines;
    this.ended = ended;
  }

  static async start(
    settings: Readonly<Record<string, string>> = {},
    options: { readonly token?: string | undefined; readonly logs?: string } = { token: TOKEN },
  ): Promise<RestRig> {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-rest-'));
    const ended = Promise.withResolvers<void>();
    const lines: string[] = [];
    const log: Log = {
      write: (level, message, fields) =>
        void lines.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`),
      with: () => log,
    };
    const rest = {
      http: nodeHttpServer(env.log),
      version: ENGINE,
      token: options.token,
      ...(options.logs === undefined ? {} : { logs: { folder: options.logs, name: 'main.log' } }),
      shutDown: () => ended.resolve(),
    };
    const cluster = await MiniCluster.start({
      env: { ...env, log },
      configuration: Configuration.parse({ 'rest.port': '0', ...settings }),
      blobs: { folder, engine: ENGINE },
      ...{ rest, slots: 2, taskManagers: 2, spareWorkers: 0 },
    });
    return new RestRig(folder, cluster, lines, ended.promise);
  }

  get url(): string {
    return this.server.url;
  }

  get server(): RestServer {
    return this.cluster.rest ?? assert.fail('the cluster has no REST interface');
  }

  async call(method: string, path: string, body?: unknown): Promise<Answer> {
    return this.fetch(path, {
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
  }

  get(path: string): Promise<Answer> {
    return this.call('GET', path);
  }

  async fetch(path: string, init: RequestInit): Promise<Answer> {
    const headers = new Headers(init.headers);
    if (!headers.has('authorization')) headers.set('authorization', `Bearer ${TOKEN}`);
    const answer = await fetch(this.url + path, { redirect: 'manual', ...init, headers });
    const text = await answer.text();
    const isJson = answer.headers.get('content-type')?.startsWith('application/json') === true;
    const json: unknown = isJson ? JSON.parse(text) : undefined;
    return { status: answer.status, headers: answer.headers, text, json };
  }

  /** The id of the uploaded bundle. */
  async upload(text: string = BUNDLE, name: string = 'jobs.jar'): Promise<string> {
    const form = new FormData();
    form.append('jarfile', new Blob([text]), name);
    const { json } = await this.fetch('/jars/upload', { method: 'POST', body: form });
    assert.equal(json.status, 'success', JSON.stringify(json));
    return json.filename.slice(json.filename.lastIndexOf('/') + 1);
  }

  /** The id of the job. */
  async run(jar: string, body: object): Promise<string> {
    const { json, status } = await this.call('POST', `/v1/jars/${jar}/run`, body);
    assert.equal(status, 200, JSON.stringify(json));
    return json.jobid;
  }

  /** Asks until the answer is what it is waited for. */
  async until(path: string, holds: (json: any) => boolean): Promise<any> {
    for (;;) {
      const { json } = await this.get(path);
      if (holds(json)) return json;
      await new Promise((resolve) => env.clock.soon(() => resolve(undefined)));
    }
  }

  running(job: string): Promise<any> {
    return this.until(`/jobs/${job}`, ({ vertices }) =>
      vertices.some((each: any) => each.status === 'RUNNING' && each.tasks.RUNNING > 0),
    );
  }

  ending(job: string): Promise<any> {
    return this.until(`/jobs/${job}/execution-result`, ({ status }) => status.id === 'COMPLETED');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cluster.close();
    await rm(this.#folder, { recursive: true });
  }
}
