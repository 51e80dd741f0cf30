import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { functionSpans } from './functions.ts';
import * as habits from './habits.ts';
import { checkImports, deadFiles, importsOf, type Policy, tableCycles } from './imports.ts';
import type { Project, Violation } from './project.ts';
import { checkGeneratedCode, checkSeam } from './seam.ts';
import { sourceText, type SourceText } from './source-text.ts';

// A rule that cannot fail is worth nothing: each is shown a file that breaks it, and one that looks
// as if it did.

const file = (text: string, path = 'src/base/example.ts'): SourceText => sourceText(path, text);
const lines = (violations: readonly Violation[]): number[] => violations.map((v) => v.line);
const messages = (violations: readonly Violation[]): string[] => violations.map((v) => v.message);

describe('source text', () => {
  const code = (text: string): string => file(text).code;

  test('comments and strings are blank, code and places stay', () => {
    assert.equal(code('a; // b\nc'), 'a;     \nc');
    assert.equal(code('a /* b\nc */ d'), 'a     \n     d');
    assert.equal(code(`f('it\\'s', "x")`), `f('     ', " ")`);
    assert.equal(file('a; /* b */ "c // d"').uncommented, 'a;         "c // d"');
  });

  test('templates keep the code inside of them', () => {
    assert.equal(code('`a${ b + `c${d}` }e`;f'), '` ${ b + ` ${d}` } `;f');
    assert.equal(code('`a${ { x: 1 } }`;f'), '` ${ { x: 1 } }`;f');
    assert.equal(code('`\\`${"}"}`;f'), '`  ${" "}`;f');
  });

  test('a slash is a division or begins a regular expression', () => {
    assert.equal(code(`a / b / c; "x"`), `a / b / c; " "`);
    assert.equal(code(`(a) / 2; x++ / 2; y[0] / 2; '//'`), `(a) / 2; x++ / 2; y[0] / 2; '  '`);
    assert.equal(code(`return /["']/.test(a) ? 'b' : 1`), `return /    /.test(a) ? ' ' : 1`);
    assert.equal(code(`x = /[/"]\\/'/g; y = 'z'`), `x = /       /g; y = ' '`);
    assert.equal(code(`f(/"/, '"')`), `f(/ /, ' ')`);
  });
});

describe('imports', () => {
  test('every form is found, and nothing else', () => {
    const found = importsOf(
      file(
        [
          `import type { A } from './a.ts';`,
          `import b, { c } from "./b.ts";`,
          `import {\n  d,\n} from './d.ts';`,
          `import * as e from './e.ts';`,
          `import './f.ts';`,
          `export * from './g.ts';`,
          `export { h } from './h.ts';`,
          `const i = await import('./i.ts');`,
          `const j = require('./j.cjs');`,
          `// import k from './k.ts';`,
          `const l = "import m from './m.ts'";`,
          `const n = Array.from('abc');`,
        ].join('\n'),
      ),
    );
    const names = found.map((one) => one.specifier).sort();
    const wanted = 'abdefghi'.split('').map((name) => `./${name}.ts`);
    assert.deepEqual(names, [...wanted, './j.cjs']);
    assert.deepEqual(
      found.filter((one) => one.typeOnly).map((one) => [one.specifier, one.line]),
      [['./a.ts', 1]],
    );
  });

  const policy: Policy = {
    folders: { base: [], env: ['base'], 'env/node': ['env'], network: ['base', 'env:types'] },
    packages: { network: ['@scope/known'] },
    pureNodeModules: ['node:util'],
    nodeModules: { 'src/base/generated-code.ts': ['node:vm'] },
    outsideSeam: ['src/env/node/'],
    tests: { folders: ['sim'], packages: ['fast-check'] },
  };
  const check = (path: string, text: string): string[] =>
    messages(checkImports(file(text, path), policy));

  test('a folder imports what its line says', () => {
    assert.deepEqual(check('src/network/a.ts', `import '../base/b.ts';\nimport './c.ts';`), []);
    assert.deepEqual(check('src/base/a.ts', `import '../env/env.ts';`), [
      'base may not import env',
    ]);
    assert.deepEqual(check('src/env/env.ts', `import './node/node-env.ts';`), [
      'env may not import env/node',
    ]);
  });

  test('some folders import types only', () => {
    assert.deepEqual(check('src/network/a.ts', `import type { Env } from '../env/env.ts';`), []);
    assert.equal(check('src/network/a.ts', `import { Env } from '../env/env.ts';`).length, 1);
  });

  test('a folder without a line is refused', () => {
    assert.match(check('src/extra/a.ts', '')[0]!, /"extra" is not in the table/);
  });

  test('packages and modules of Node are refused unless listed', () => {
    assert.deepEqual(check('src/network/a.ts', `import '@scope/known/deep';`), []);
    assert.equal(check('src/network/a.ts', `import '@scope/other';`).length, 1);
    assert.equal(check('src/network/a.ts', `await import('left-pad');`).length, 1);
    assert.deepEqual(check('src/network/a.ts', `import { inspect } from 'node:util';`), []);
    assert.equal(check('src/network/a.ts', `import fs from 'node:fs/promises';`).length, 1);
    assert.deepEqual(check('src/env/node/a.ts', `import fs from 'node:fs/promises';`), []);
    assert.deepEqual(check('src/base/generated-code.ts', `import vm from 'node:vm';`), []);
    assert.equal(check('src/base/other.ts', `import vm from 'node:vm';`).length, 1);
  });

  test('unit tests import more, and still not everything', () => {
    const text = `import 'node:test';\nimport 'fast-check';\nimport '../../sim/sim-env.ts';`;
    assert.deepEqual(check('src/base/a.test.ts', text), []);
    assert.equal(check('src/base/a.test.ts', `import '../env/env.ts';`).length, 1);
  });

  test('relative imports have an extension', () => {
    assert.match(check('src/base/a.ts', `import './b';`)[0]!, /has no extension/);
  });

  test('cycles in the table are found', () => {
    assert.deepEqual(tableCycles({ a: ['b'], b: ['c:types'], c: [] }), []);
    assert.deepEqual(tableCycles({ a: ['b'], b: ['c'], c: ['a'] }), ['a -> b -> c -> a']);
  });

  test('files that nothing uses are found', () => {
    const project: Project = {
      sources: [
        file(`import './b.ts';`, 'src/a.ts'),
        file(`import './b.ts';`, 'src/b.ts'),
        file(`import './c.ts';`, 'src/c.ts'),
        file(`new URL('./e.ts', import.meta.url); entryPoint('./f', import.meta.url);`, 'src/d.ts'),
        file('', 'src/e.ts'),
        file('', 'src/f.ts'),
        file(`import './d.ts';`, 'src/a.test.ts'),
        file('', 'bin/cli.ts'),
      ],
      markdown: [],
      publicEntries: ['src/a.ts'],
    };
    const dead = deadFiles(project, (path) => path.startsWith('bin/'));
    assert.deepEqual(
      dead.map((v) => v.path),
      ['src/c.ts'],
    );
  });
});

describe('seam', () => {
  const banned = [
    'const a = Date.now();',
    'const a = Date . now;',
    'const a = new Date();',
    'const a = Date();',
    'const a = Temporal.Now.instant();',
    'const a = Math.random();',
    'setTimeout(f, 1);',
    'const later = setTimeout;',
    'if (setImmediate) f();',
    'queueMicrotask(() => {});',
    'f(performance);',
    'performance.now();',
    'crypto.randomUUID();',
    'process.exit(1);',
    'process?.env;',
    "process.getBuiltinModule('node:fs');",
    'const { env } = process;',
    'globalThis["Date"];',
    'console.log(1);',
    'await fetch(url);',
    'new Worker(url);',
    'Atomics.add(a, 0, 1);',
    'new SharedArrayBuffer(8);',
    'new WeakRef(a);',
    'const r = new FinalizationRegistry(f);',
    'at.getHours();',
    'at.toLocaleString();',
  ];
  for (const text of banned) {
    test(`refuses ${text}`, () => assert.deepEqual(lines(checkSeam(file(text))), [1]));
  }

  const allowed = [
    'const a = new Date(0);',
    'const a = new Date(value).getUTCHours();',
    "throw new Error('Date.now() is not for you');",
    'env.clock.now(); this.process(value); operator.process.call(a);',
    'interface F { process(value: T): void; fetch(id: string): Promise<void>; crypto: boolean }',
    'class F { process(value) { } performance?: number; }',
    '// setTimeout(f, 1)',
    'import type { Worker } from "../env/env.ts"; const w: Worker = workers.spawn();',
    'processes.spawn(); reprocess.now();',
    'for (const process of processes) process.kill();',
    'processes.map((process) => process.id);',
    'const { process, random } = this.#options; process.kill();',
    'function end(process: SimProcess) { process.kill(); }',
  ];
  for (const text of allowed) {
    test(`lets pass ${text}`, () => assert.deepEqual(messages(checkSeam(file(text))), []));
  }

  test('unit tests do not sleep, and may let a turn pass', () => {
    const text = 'setImmediate(f);\nprocess.pid;\nsetTimeout(f, 5);\nDate.now();';
    assert.deepEqual(lines(checkSeam(file(text, 'src/base/a.test.ts'))), [4, 3]);
  });

  test('code from text has one home', () => {
    for (const text of ['vm.compileFunction(a)', 'new Function(a)', 'eval(a)']) {
      assert.deepEqual(lines(checkGeneratedCode(file(text), 'src/base/home.ts')), [1], text);
      assert.deepEqual(checkGeneratedCode(file(text, 'src/base/home.ts'), 'src/base/home.ts'), []);
    }
    assert.deepEqual(checkGeneratedCode(file('retrieval(a)'), 'src/base/home.ts'), []);
  });
});

describe('habits', () => {
  test('mutable module state', () => {
    const bad = [
      'let a = 1;',
      'export let a: number;',
      'var a = 1;',
      'const a = new Map();',
      'export const a: Set<string> = new Set();',
      'const a: Map<string, (x: number) => void> = new Map();',
      'const a: string[] = [];',
      'const a = {};',
      'class A {\n  static count = 0;\n}',
      'class A {\n  static #cache: Cache;\n}',
    ];
    for (const text of bad) {
      assert.equal(habits.checkModuleState(file(text), {}).length, 1, text);
    }
    const good = [
      'const a = 1;',
      'const a: ReadonlySet<string> = new Set([1]);',
      'const a: Readonly<Record<string, number>> = { };',
      'function f() {\n  let a = 1;\n  const b = new Map();\n}',
      'const a = f({\n  b: () => {\n    let c;\n  },\n});',
      'class A {\n  static readonly a = 1;\n  static of(): A {}\n}',
      'const letter = "let a";',
      'const a = { b: 1 };',
    ];
    for (const text of good) {
      assert.deepEqual(messages(habits.checkModuleState(file(text), {})), [], text);
    }
    const named = file('let a = 1;', 'src/base/known.ts');
    assert.deepEqual(habits.checkModuleState(named, { 'src/base/known.ts': 'because' }), []);
  });

  test('file length', () => {
    assert.equal(habits.checkLength(file('a\n'.repeat(600)), {}).length, 0);
    assert.equal(habits.checkLength(file('a\n'.repeat(601)), {}).length, 1);
    assert.equal(habits.checkLength(file('a\n'.repeat(61), 'examples/a.ts'), {}).length, 1);
    const known = { 'src/base/example.ts': 'because' };
    assert.equal(habits.checkLength(file('a\n'.repeat(601)), known).length, 0);
  });

  test('columns', () => {
    const text = [
      'x'.repeat(100),
      'x'.repeat(101),
      `// ${'x'.repeat(98)}`,
      `throw new Error('${'x '.repeat(60)}');`,
      `throw new Error('${'x'.repeat(90)}', ${'y'.repeat(100)});`,
      `f('a'); // ${'x'.repeat(98)}`,
      `f(\`\n${'x '.repeat(60)}.\n\`);`,
    ];
    assert.deepEqual(lines(habits.checkColumns(file(text.join('\n')))), [2, 3, 5, 6]);
  });

  test('functions are found by their braces', () => {
    const text = [
      'function one(a: { b: number }): { c: number } | undefined {\n  return a;\n}',
      'class A<T> {\n  two(\n    a: T,\n  ): asserts a is T {\n  }\n  get three() {\n  }\n}',
      'const four = async (a = {}): Promise<void> => {\n};',
      'if (a) {\n  f(() => {\n  });\n}',
      'interface I { five(a: number): { b: number };\n }',
      'const f = a ? (b) : { c: 1,\n };',
      'for (const a of f()) {\n}\nswitch (a) {\n}',
    ].join('\n');
    const spans = functionSpans(file(text)).map((span) => [span.name, span.lines]);
    assert.deepEqual(spans, [
      ['one', 3],
      ['two', 4],
      ['three', 2],
      ['async', 2],
      ['a function', 2],
    ]);
  });

  test('function length', () => {
    const long = (count: number): string => `function long() {\n${'  a;\n'.repeat(count)}}\n`;
    assert.deepEqual(habits.checkFunctions(file(long(68)), {}), []);
    assert.equal(habits.checkFunctions(file(long(69)), {}).length, 1);
    const known = { 'src/base/example.ts#long': 'because' };
    assert.deepEqual(habits.checkFunctions(file(long(69)), known), []);
  });

  test('first comment', () => {
    const good = [
      '// Counts what was seen.\na',
      '/** Counts what was seen. */',
      '#!/bin/sh\n// Counts what was seen.',
    ];
    for (const text of good) assert.deepEqual(habits.checkFirstComment(file(text)), [], text);
    for (const text of ['a // Counts what was seen', '// Counts', '', '/**/a']) {
      assert.equal(habits.checkFirstComment(file(text)).length, 1, text);
    }
  });

  test('unfinished work', () => {
    const mark = ['TO', 'DO'].join('');
    assert.equal(habits.checkUnfinished(file(`// ${mark}: later`)).length, 1);
    assert.equal(habits.checkUnfinished(file(`const ${mark}S = 1`)).length, 0);
  });

  test('default exports', () => {
    const texts = ['export default 1;', 'const a = 1;\nexport { a as default };'];
    for (const text of texts) {
      assert.equal(habits.checkDefaultExports(file(text), ['examples/']).length, 1);
      const job = file(text, 'examples/a.ts');
      assert.equal(habits.checkDefaultExports(job, ['examples/']).length, 0);
    }
  });

  test('tests that do not run', () => {
    const dot = '.';
    for (const word of ['skip', 'only', 'todo']) {
      assert.equal(habits.checkTestsRun(file(`test${dot}${word}('a', f);`)).length, 1);
      const option = file(`test('a', { ${word}: true }, f);`, 'src/base/a.test.ts');
      assert.equal(habits.checkTestsRun(option).length, 1);
    }
    assert.deepEqual(habits.checkTestsRun(file(`onError({ skip: 1 }); input.skip(2);`)), []);
  });

  test('names', () => {
    const names = [
      'AbstractTask',
      'TaskImpl',
      'TaskFactory',
      'TaskHelper',
      'ITask',
      'TimerManager',
    ];
    for (const name of names) {
      assert.equal(habits.checkNames(file(`export class ${name} {}`)).length, 1, name);
    }
    for (const name of ['SlotManager', 'ResourceManagerGateway', 'Task', 'InputGate', 'IO']) {
      assert.equal(habits.checkNames(file(`interface ${name} {}`)).length, 0, name);
    }
    assert.equal(habits.checkFileName(file('', 'src/base/ringBuffer.ts')).length, 1);
    assert.equal(habits.checkFileName(file('', 'src/base/ring_buffer.ts')).length, 1);
    assert.equal(habits.checkFileName(file('', 'src/base/ring-buffer.test.ts')).length, 0);
  });

  test('errors are not known by their class', () => {
    assert.equal(habits.checkErrorTests(file('if (e instanceof EngineError) f();')).length, 1);
    assert.equal(habits.checkErrorTests(file('if (isEngineError(e)) f();')).length, 0);
  });

  test('markdown', () => {
    const check = (text: string): number =>
      habits.checkMarkdown({ sources: [], publicEntries: [], markdown: [{ path: 'a.md', text }] })
        .length;
    assert.equal(check('# One\n\n## Two\n\n```sh\n# not a title\n```\n'), 0);
    assert.equal(check('# One\n\n# Two\n'), 1);
    assert.equal(check('text\n\n# One\n'), 1);
    assert.equal(check(`# One\n\n${['TO', 'DO'].join('')}: more\n`), 1);
  });
});
