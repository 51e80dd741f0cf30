/**
 * Bundles of jobs are uploaded, listed and run here under the name of jars, as Flink's dashboard
 * and its operators do it.
 */
import { milliseconds } from '../../base/units.ts';
import type { Duration } from '../../base/units.ts';
import { Configuration } from '../../config/configuration.ts';
import { RecoveryOptions } from '../../config/options/checkpointing-options.ts';
import { MAX_PARALLELISM_LIMIT, PipelineOptions } from '../../config/options/pipeline-options.ts';
import { RestOptions } from '../../config/options/rest-options.ts';
import type { HttpRequest } from '../../env/http.ts';
import type { JobReference } from '../../protocol/task-deployment.ts';
import type { RestCluster } from '../cluster.ts';
import { endpoint, rawEndpoint } from '../endpoint.ts';
import type { Endpoint } from '../endpoint.ts';
import type { JarStore, UploadedBundle } from '../jar-store.ts';
import { writeJson } from '../json.ts';
import { flag, integerFrom, jarId, text as textParameter } from '../parameters.ts';
import { handlerError, serverError } from '../rest-error.ts';
import * as shape from '../shape.ts';
import { planInfo, planInfoOf } from '../views/plan.ts';

const { absent, anything, boolean, hexId, integer, list, nullable, object, record, text } = shape;

/** Of an upload, unless `rest.server.max-content-length` is set. */
const BUNDLE_BYTES_MAX = 256 * 1024 * 1024;
const PARTS_MAX = 16;
const BUNDLE_NAME = /\.(?:jar|m?js)$/i;

const runFields = {
  entryClass: absent(text),
  programArgsList: absent(list(text)),
  parallelism: absent(integer),
  jobId: absent(hexId),
  allowNonRestoredState: absent(boolean),
  savepointPath: absent(text),
  claimMode: absent(text),
  restoreMode: absent(text),
  flinkConfiguration: absent(record(text)),
  /** Of our own: parameters of the job as JSON, and the graph that the client has built. */
  parameters: absent(record(anything)),
  exportName: absent(text),
  attached: absent(boolean),
  // Not of Flink's, whose client puts it into the graph that it submits.
  clientHeartbeatTimeout: absent(integer),
  graphFingerprint: absent(text),
};

const runBody = { format: 'JarRunRequestBody', shape: object(runFields) };
const planBody = { format: 'JarPlanRequestBody', shape: object(runFields) };
const applicationBody = { format: 'JarRunApplicationRequestBody', shape: object(runFields) };
type RunBody = shape.TypeOf<typeof runBody.shape>;

const runQuery = {
  allowNonRestoredState: flag('Whether state that fits nothing is dropped.'),
  savepointPath: textParameter('The savepoint to start from.'),
  programArg: textParameter('Parameters of the job, as name=value.'),
  'entry-class': textParameter('The name of the export that is the job.'),
  parallelism: integerFrom(1, 'The parallelism where the job says nothing.'),
} as const;

interface RunQuery {
  readonly savepointPath?: readonly string[] | undefined;
  readonly allowNonRestoredState?: readonly boolean[] | undefined;
  readonly programArg?: readonly string[] | undefined;
  readonly 'entry-class'?: readonly string[] | undefined;
  readonly parallelism?: readonly number[] | undefined;
}

export function jarEndpoints(cluster: RestCluster, jars: JarStore): readonly Endpoint[] {
  return [...storeEndpoints(cluster, jars), ...runEndpoints(cluster, jars)];
}

function storeEndpoints(cluster: RestCluster, jars: JarStore): readonly Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: '/jars',
      summary: 'The bundles that were uploaded.',
      answer: object({
        address: text,
        files: list(
          object({
            id: text,
            name: text,
            uploaded: integer,
            entry: list(object({ name: text, description: nullable(text) })),
            sha256: text,
            size: integer,
            job: text,
          }),
        ),
      }),
      handle: () => ({
        address: cluster.url,
        files: jars.list().map(({ id, name, uploaded, hash, sizeBytes, job }) => ({
          ...{ id, name, uploaded, job },
          // Which exports are jobs is not known before it is loaded.
          entry: [],
          sha256: hash,
          size: sizeBytes,
        })),
      }),
    }),
    rawEndpoint({
      method: 'POST',
      path: '/jars/upload',
      summary: 'Uploads a bundle, as a file of a form or as the body.',
      query: { name: textParameter('What the file is called, where it is the body itself.') },
      accepts: ['multipart/form-data', 'application/javascript', 'text/javascript'],
      produces: 'application/json',
      audit: 'upload a bundle',
      async handle({ request, query }) {
        const bundle = await upload(cluster, jars, request, query.name?.[0]);
        const body = { filename: `uploads/${bundle.id}`, status: 'success', sha256: bundle.hash };
        return { contentType: 'application/json; charset=UTF-8', body: writeJson(body) };
      },
    }),
    endpoint({
      method: 'DELETE',
      path: '/jars/:jarid',
      summary: 'Deletes an uploaded bundle; jobs that run keep theirs.',
      parameters: { jarid: jarId },
      audit: 'delete a bundle',
      answer: object({}),
      async handle({ path }) {
        if (await jars.remove(path.jarid)) return {};
        throw handlerError(400, `File ${path.jarid} does not exist in the uploads.`);
      },
    }),
  ];
}

async function upload(
  { configuration }: RestCluster,
  jars: JarStore,
  request: HttpRequest,
  name: string | undefined,
): Promise<UploadedBundle> {
  const set = configuration.has(RestOptions.serverMaxContentLength);
  const totalBytes = set ? configuration.get(RestOptions.serverMaxContentLength) : BUNDLE_BYTES_MAX;
  const type = request.headers['content-type'] ?? '';
  if (/^(?:application|text)\/javascript\s*(?:;|$)/i.test(type)) {
    return jars.add(requireName(name ?? 'bundle.mjs'), request.stream(totalBytes));
  }
  if (!/^multipart\/form-data/i.test(type)) throw noFile();
  let added: UploadedBundle | undefined;
  for await (const part of request.parts({ parts: PARTS_MAX, totalBytes })) {
    if (added === undefined && part.fileName !== undefined) {
      added = await jars.add(requireName(part.fileName), part.content);
    } else {
      for await (const bytes of part.content) void bytes;
    }
  }
  if (added === undefined) throw noFile();
  return added;
}

function noFile(): ReturnType<typeof handlerError> {
  return handlerError(400, 'Exactly 1 file must be sent, received 0.');
}

function requireName(name: string): string {
  if (BUNDLE_NAME.test(name)) return name;
  throw handlerError(400, 'Only Jar files are allowed. A bundle may also end in .js or .mjs.');
}

function runEndpoints(cluster: RestCluster, jars: JarStore): readonly Endpoint[] {
  const parameters = { jarid: jarId } as const;
  const plan = { parameters, query: runQuery, body: planBody } as const;
  const planAnswer = object({ plan: planInfo });
  const planOf = async (id: string, query: RunQuery, body: RunBody | undefined) => {
    const job = referenceOf(cluster, requireBundle(jars, id), query, body ?? {});
    const graph = await cluster.build(job);
    return { plan: planInfoOf(job.jobId, graph.name, 'STREAMING', graph) };
  };
  return [
    ...(['GET', 'POST'] as const).map((method) =>
      endpoint({
        ...plan,
        method,
        path: '/jars/:jarid/plan',
        summary: 'Builds a job without running it.',
        // It runs the job's own code.
        changes: true,
        audit: 'build a job',
        answer: planAnswer,
        handle: ({ path, query, body }) => planOf(path.jarid, query, body),
      }),
    ),
    endpoint({
      method: 'POST',
      path: '/jars/:jarid/run',
      summary: 'Runs a job; answers when it is built.',
      parameters,
      query: runQuery,
      body: runBody,
      audit: 'submit a job',
      answer: object({ jobid: hexId, applicationId: hexId }),
      async handle({ path, query, body }) {
        const jobId = await run(cluster, jars, { id: path.jarid, query, body });
        return { jobid: jobId, applicationId: jobId };
      },
    }),
    endpoint({
      method: 'POST',
      path: '/jars/:jarid/run-application',
      summary: 'Runs a job; its application has the id of the job.',
      parameters,
      query: runQuery,
      body: applicationBody,
      status: 202,
      audit: 'submit a job',
      answer: object({ applicationid: hexId }),
      async handle({ path, query, body }) {
        return { applicationid: await run(cluster, jars, { id: path.jarid, query, body }) };
      },
    }),
    javaSubmission(),
  ];
}

interface RunCall {
  readonly id: string;
  readonly query: RunQuery;
  readonly body: RunBody;
}

async function run(cluster: RestCluster, jars: JarStore, call: RunCall): Promise<string> {
  const { body } = call;
  const job = referenceOf(cluster, requireBundle(jars, call.id), call.query, body);
  const fingerprint = body.graphFingerprint ?? undefined;
  await cluster.submit(job, {
    fingerprint,
    attached: body.attached ?? false,
    clientHeartbeatTimeout: heartbeatTimeoutOf(body.clientHeartbeatTimeout),
  });
  return job.jobId;
}

/** @throws RestError 400 */
function heartbeatTimeoutOf(given: number | bigint | null | undefined): Duration | undefined {
  if (given === undefined || given === null) return undefined;
  if (given > 0) return milliseconds(Number(given));
  throw handlerError(400, `clientHeartbeatTimeout is milliseconds above 0, not ${given}.`);
}

function requireBundle(jars: JarStore, id: string): UploadedBundle {
  const bundle = jars.find(id);
  if (bundle !== undefined) return bundle;
  throw serverError(
    'java.util.concurrent.CompletionException',
    `org.apache.flink.runtime.rest.handler.RestHandlerException: Jar file ${id} does not exist`,
  );
}

/** What the body says goes before what the query says. */
function referenceOf(
  cluster: RestCluster,
  bundle: UploadedBundle,
  query: RunQuery,
  body: RunBody,
): JobReference {
  const parallelism = body.parallelism ?? query.parallelism?.[0];
  const exportName = body.exportName ?? body.entryClass ?? query['entry-class']?.[0];
  const settings = {
    ...body.flinkConfiguration,
    ...restoreSettings(query, body),
    ...(parallelism === undefined
      ? {}
      : { [PipelineOptions.parallelism.key]: requireParallelism(Number(parallelism)) }),
  };
  // Who gives a setting that there is not hears of it before anything is done with the job.
  Configuration.parse(settings);
  return {
    jobId: body.jobId?.toLowerCase() ?? cluster.newId(),
    moduleUrl: `blob:${bundle.hash}`,
    file: bundle.job,
    exportName: exportName === '' ? undefined : exportName,
    parameters: {
      ...argumentsOf(body.programArgsList ?? query.programArg ?? []),
      ...body.parameters,
    },
    configuration: settings,
  };
}

/** As options of the job: they say from what it starts. */
function restoreSettings(query: RunQuery, body: RunBody): Readonly<Record<string, string>> {
  const path = body.savepointPath ?? query.savepointPath?.[0];
  if (path === undefined) return {};
  const allowed = body.allowNonRestoredState ?? query.allowNonRestoredState?.[0] ?? undefined;
  const mode = body.claimMode ?? body.restoreMode ?? undefined;
  return {
    [RecoveryOptions.path.key]: path,
    ...(allowed === undefined ? {} : { [RecoveryOptions.ignoreUnclaimed.key]: String(allowed) }),
    ...(mode === undefined ? {} : { [RecoveryOptions.claimMode.key]: mode }),
  };
}

function requireParallelism(parallelism: number): string {
  if (parallelism >= 1 && parallelism <= MAX_PARALLELISM_LIMIT) return String(parallelism);
  throw handlerError(400, `The parallelism must be from 1 to ${MAX_PARALLELISM_LIMIT}.`);
}

/** `name=value`, `--name=value`, `--name value` and `--param name=value`. */
function argumentsOf(args: readonly string[]): Readonly<Record<string, string>> {
  const found: [string, string][] = [];
  const rest = args.flatMap((arg) => (arg === '--param' || arg === '' ? [] : [arg]));
  for (let i = 0; i < rest.length; i++) {
    const [, dashes, name, value] = /^(-{0,2})([^=\s]+)(?:=([^]*))?$/.exec(rest[i]!) ?? [];
    const next = value === undefined && dashes !== '' ? rest[++i] : value;
    if (name === undefined || next === undefined) {
      throw handlerError(400, `The argument ${JSON.stringify(rest[i] ?? name)} is not name=value.`);
    }
    found.push([name, next]);
  }
  return Object.fromEntries(found);
}

/** What `flink run` sends. */
function javaSubmission(): Endpoint {
  return rawEndpoint({
    method: 'POST',
    path: '/jobs',
    summary: 'Java programs cannot be run: always refused.',
    accepts: ['multipart/form-data'],
    produces: 'application/json',
    async handle({ request }) {
      // The client hears of it only when it has sent everything.
      for await (const bytes of request.stream(BUNDLE_BYTES_MAX)) void bytes;
      throw handlerError(
        501,
        'This engine cannot execute Java StreamGraphs; submit a TypeScript bundle by /jars/upload or its own CLI.',
      );
    },
  });
}
