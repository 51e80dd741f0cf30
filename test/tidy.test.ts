// The project's rules that no compiler knows. The tables at the top are statements of policy: when
// a test below fails, the code is what has to change, and a change of a table is a change of the
// architecture, made on purpose and explained in its commit.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import * as habits from './tidy/habits.ts';
import { behindSeam, checkImports, deadFiles, type Policy, tableCycles } from './tidy/imports.ts';
import { readProject, report, type Violation } from './tidy/project.ts';
import { checkGeneratedCode, checkSeam } from './tidy/seam.ts';
import type { SourceText } from './tidy/source-text.ts';

/**
 * Folder -> what it may import. `api` builds graphs and runs nothing. The runtime never sees `api`,
 * `table` or `connectors`; it meets them in the job's module and in `functions`. Components meet
 * one another in `protocol` only. Operators are given time, not `env`. `deploy` alone composes.
 * `env:types` lets `import type` through only.
 */
const FOLDERS = table({
  // What everything stands on.
  base: '',
  env: 'base',
  'env/node': 'base env',
  // `env` for the files of a configuration.
  config: 'base env:types',
  types: 'base',
  functions: 'base types env:types',

  // From program to graph.
  // `state` for how it is described: a graph says what its operators keep.
  graph: 'base types functions config state:types',
  // `connectors` for what streams offer themselves: fromElements, sequence, print, collect.
  api: 'base types functions config graph connectors',
  table: 'base types functions config graph connectors api',

  // What a slot does.
  state: 'base types functions',
  // `graph` for the partitioners: a record's channel follows from its key group.
  // `protocol` for what a barrier carries.
  network: 'base types env:types graph protocol:types',
  operators: 'base types functions graph state network',

  // Components, and what they say to one another.
  // `functions` for the contract of metric groups, which users see.
  metrics: 'base types functions env:types',
  protocol: 'base types config graph metrics',
  rpc: 'base types env protocol metrics',
  ha: 'base env protocol',
  blob: 'base env protocol rpc',
  // Files by URI, on disk or in an object store, and what checkpoints keep there.
  // `config` for the options of object stores.
  // `functions` for the contract of file systems, which sinks see.
  storage: 'base types functions config env protocol',
  checkpoint: 'base types config env graph state protocol storage',
  scheduling: 'base config graph protocol checkpoint',
  // With the contracts of sources: a job's coordinator runs their split enumerators, and asks
  // `operators` what they keep.
  jobmaster:
    'base types functions config env graph operators protocol rpc metrics scheduling checkpoint ' +
    'storage',
  dispatcher: 'base config env graph protocol rpc metrics ha',
  resourcemanager: 'base config env protocol rpc metrics',
  taskexecutor:
    'base types functions config env graph state network operators protocol rpc metrics storage',

  // What jobs read and write with.
  formats: 'base types functions',
  connectors: 'base types functions env formats storage',

  // What people meet.
  rest: 'base types config env graph protocol rpc metrics package.json',
  // Programs that work on savepoints, on the disk of this machine.
  'state-processor': 'base types functions config env env/node graph state storage protocol',
  client:
    'base types functions config env graph api protocol rpc blob metrics deploy state-processor ' +
    'storage package.json',
  // `deploy` by a dynamic import, for executeAndCollect.
  index: 'base types functions config graph api table formats connectors deploy',
  testing:
    'base types functions config env env/node graph api table state network operators metrics ' +
    'protocol rpc ha storage checkpoint scheduling jobmaster dispatcher resourcemanager taskexecutor ' +
    'formats connectors deploy index',

  // Who may see everything, and who nothing.
  deploy: '*',
  bin: '*',
  sim: '*',
  test: '*',
  bench: '*',
  scripts: '*',
  examples: '',
});

function table(rows: Readonly<Record<string, string>>): Policy['folders'] {
  return Object.fromEntries(
    Object.entries(rows).map(([folder, may]) => [folder, may.split(' ').filter(Boolean)]),
  );
}

const POLICY: Policy = {
  folders: FOLDERS,
  packages: {
    'env/node': ['@fastify/busboy'],
    config: ['yaml'],
    metrics: [
      'prom-client',
      '@opentelemetry/api',
      '@opentelemetry/resources',
      '@opentelemetry/sdk-metrics',
      '@opentelemetry/exporter-metrics-otlp-http',
    ],
    storage: ['@aws-sdk/client-s3'],
    client: ['rolldown'],
    deploy: ['rolldown'],
    sim: ['millrace', 'rolldown', 'fast-check'],
    test: ['*'],
    bench: ['*'],
    scripts: ['*'],
    examples: ['millrace', 'zod'],
  },
  pureNodeModules: [
    'node:assert',
    'node:assert/strict',
    'node:buffer',
    'node:string_decoder',
    'node:util',
  ],
  nodeModules: {
    'src/base/generated-code.ts': ['node:vm'],
    'src/base/crc32.ts': ['node:zlib'],
    'src/base/sha256.ts': ['node:crypto'],
    'sim/compression.ts': ['node:zlib'],
    'sim/cryptography.ts': ['node:crypto'],
  },
  outsideSeam: [
    'src/env/node/',
    'sim/main.ts',
    // Runs seeds in processes of their own.
    'sim/seeds/',
    // Turns the real event loop, in which a whole simulated cluster is one callback.
    'sim/scheduler.ts',
    // The simulated side of env.memory, and of env.modules, which bundles what is loaded.
    'sim/memory.ts',
    'sim/modules.ts',
    'sim/mutants/hunt.ts',
    'sim/mutants/plant.ts',
    'sim/mutants/plant-for-test.ts',
    // Puts traps in the place of what is banned.
    'sim/forbidden.ts',
  ],
  tests: { folders: ['testing', 'sim'], packages: ['fast-check', 'zod'] },
};

/** Files that are started or loaded rather than imported. */
const ENTRIES =
  /^(?:bin|test\/types|bench|examples|scripts)\/|^sim\/(?:main\.ts$|mutants\/|seeds\/pool-process\.ts$)/;

/** Files of jobs, which export their job as default. */
const JOB_FOLDERS = ['examples/', 'bench/', 'sim/workloads/'];

const LONGER_FILES: habits.Exceptions = {};
const LONGER_FUNCTIONS: habits.Exceptions = {};
const MODULES_WITH_STATE: habits.Exceptions = {
  'src/base/generated-code.ts': 'compiled functions by their source text: the same for everybody',
};

const project = readProject(join(import.meta.dirname, '..'));

function hold(violations: readonly Violation[]): void {
  if (violations.length > 0) assert.fail(`\n${report(violations)}`);
}

function everyFile(check: (file: SourceText) => Violation[]): void {
  hold(project.sources.flatMap(check));
}

test('tidy: every folder imports only what the table lets it', () => {
  everyFile((file) => checkImports(file, POLICY));
});

test('tidy: the table of imports has no cycle', () => {
  assert.deepEqual(tableCycles(without(FOLDERS, '*')), []);
});

test('tidy: nothing behind the seam touches the world', () => {
  everyFile((file) => (behindSeam(file.path, POLICY) ? checkSeam(file, LAZY) : []));
});
/** Every slot has it, few need it, and it takes 5 ms. */
const LAZY: readonly string[] = ['src/base/crc32.ts'];

test('tidy: code is made from text in one place', () => {
  everyFile((file) => (file.path.startsWith('src/') ? checkGeneratedCode(file, GENERATED) : []));
});
const GENERATED = 'src/base/generated-code.ts';

test('tidy: modules have no mutable state', () => {
  everyFile((file) =>
    file.path.startsWith('src/') ? habits.checkModuleState(file, MODULES_WITH_STATE) : [],
  );
});

test('tidy: no file that nothing uses', () => {
  hold(deadFiles(project, (path) => ENTRIES.test(path)));
});

test('tidy: sizes', () => {
  everyFile((file) => [
    ...habits.checkLength(file, LONGER_FILES),
    ...habits.checkColumns(file),
    ...habits.checkFunctions(file, LONGER_FUNCTIONS),
  ]);
});

test('tidy: every file says what it is for', () => {
  everyFile(habits.checkFirstComment);
});

test('tidy: names', () => {
  everyFile((file) => [...habits.checkFileName(file), ...habits.checkNames(file)]);
});

test('tidy: nothing unfinished, every test runs', () => {
  everyFile((file) => [...habits.checkUnfinished(file), ...habits.checkTestsRun(file)]);
});

test('tidy: default exports are jobs, errors are known by their brand', () => {
  everyFile((file) => [
    ...habits.checkDefaultExports(file, JOB_FOLDERS),
    ...habits.checkErrorTests(file),
  ]);
});

test('tidy: one title per page', () => {
  hold(habits.checkMarkdown(project));
});

/** Folders that may import everything are roots of the order, not parts of it. */
function without(folders: Policy['folders'], mark: string): Policy['folders'] {
  return Object.fromEntries(Object.entries(folders).filter(([, may]) => !may.includes(mark)));
}
