// What may not be named behind the seam: clocks, chance, timers, threads, files, the process
// itself, and whatever makes a result depend on the machine. Each with what to use in its place.
import { isTest, matches, type Violation } from './project.ts';
import type { SourceText } from './source-text.ts';

interface Ban {
  readonly pattern: RegExp;
  /**
   * Set when a file may have something of its own by that name; the linter, which knows scopes,
   * then decides.
   */
  readonly global?: string;
  readonly name: string;
  readonly instead: string;
  /** Unit tests keep to these, too: no sleeping, no wall clock, no chance. */
  readonly inTests?: true;
}

/** A global by its name: not a property, not a key, not a method's or a parameter's declaration. */
function global(name: string): RegExp {
  return new RegExp(`(?<![.\\w$#])${name}\\b(?!\\s*(?:\\??:|\\([^()]*\\)\\s*[{:]))`, 'g');
}

function used(name: string, instead: string, inTests?: true): Ban {
  return {
    pattern: global(name),
    global: name,
    name,
    instead,
    ...(inTests === undefined ? {} : { inTests }),
  };
}

function made(name: string, instead: string): Ban {
  return { pattern: new RegExp(`\\bnew\\s+${name}\\b`, 'g'), name: `new ${name}`, instead };
}

const GET_BUILTIN = 'getBuiltinModule';

const BANS: readonly Ban[] = [
  {
    pattern: /(?<![.\w$])Date\s*(?:\?\.|\.)\s*now\b|(?<!new\s+|[.\w$])Date\s*\(/g,
    name: 'Date.now',
    instead: 'env.clock.now()',
    inTests: true,
  },
  {
    pattern: /\bnew\s+Date\s*(?:\(\s*\)|;)/g,
    name: 'new Date()',
    instead: 'env.clock.now()',
    inTests: true,
  },
  { pattern: /\bTemporal\s*\.\s*Now\b/g, name: 'Temporal.Now', instead: 'env.clock.now()' },
  {
    pattern: /\bMath\s*(?:\?\.|\.)\s*random\b/g,
    name: 'Math.random',
    instead: 'env.random',
    inTests: true,
  },
  used('setTimeout', 'env.clock.after()', true),
  used('setInterval', 'env.clock.after()', true),
  used('setImmediate', 'env.clock.soon()'),
  used('queueMicrotask', 'env.clock.soon()'),
  used('performance', 'env.clock.monotonic()', true),
  used('crypto', 'env.random'),
  {
    global: 'process',
    pattern: /(?<![.\w$#])process\s*(?:\?\.|\.(?!getBuiltinModule\b)|\[)|[=(,]\s*process\s*[;,)]/g,
    name: 'process',
    instead: 'env.processes or env.terminal',
  },
  { pattern: /\bgetBuiltinModule\b/g, name: GET_BUILTIN, instead: 'an import' },
  used('globalThis', 'Env, or an import'),
  used('console', 'env.log or env.terminal'),
  used('fetch', 'env.network'),
  made('WebSocket', 'env.network'),
  made('EventSource', 'env.network'),
  made('Worker', 'env.workers'),
  made('MessageChannel', 'env.workers'),
  made('BroadcastChannel', 'env.workers'),
  used('Atomics', 'env.memory'),
  made('SharedArrayBuffer', 'env.memory'),
  used('WeakRef', 'an owner with an end; garbage collection is not repeatable'),
  used('FinalizationRegistry', 'an owner with an end; garbage collection is not repeatable'),
  {
    pattern: /\.\s*(?:get|set)(?:Hours|Minutes|Day|Date|Month|FullYear)\s*\(/g,
    name: "the machine's time zone",
    instead: 'the getUTC... and setUTC... methods',
  },
  {
    pattern: /\.\s*(?:toLocale\w+|localeCompare|getTimezoneOffset)\s*\(/g,
    name: "the machine's locale",
    instead: 'something that gives the same everywhere',
  },
];

/**
 * For files behind the seam. `lazy`: those that load a module of Node, which they may import, when
 * it is first used.
 */
export function checkSeam(file: SourceText, lazy: readonly string[] = []): Violation[] {
  return BANS.filter(
    (ban) =>
      !(ban.name === GET_BUILTIN && lazy.includes(file.path)) &&
      (ban.inTests === true || !isTest(file.path)) &&
      (ban.global === undefined || !declares(file.code, ban.global)),
  ).flatMap((ban) => matches(file, ban.pattern, `${ban.name} is banned here, use ${ban.instead}`));
}

function declares(code: string, name: string): boolean {
  const forms = [
    `\\b(?:const|let|function)\\s+${name}\\b`,
    `\\bconst\\s*\\{[^{}]*\\b${name}\\b[^{}]*\\}\\s*=`,
    `[(,]\\s*${name}\\s*\\??:`,
    `[(,]\\s*${name}\\s*[,)][^()]*=>`,
  ];
  return new RegExp(forms.join('|')).test(code);
}

/** Code made from text belongs into one file, for all of src. */
export function checkGeneratedCode(file: SourceText, home: string): Violation[] {
  if (file.path === home || isTest(file.path)) return [];
  const message = `code is compiled from text in ${home} only`;
  return matches(
    file,
    /\bcompileFunction\b|\bnew\s+Function\b|(?<![.\w$])eval\s*\(|\bnew\s+vm\.Script\b|\brunIn\w*Context\b/g,
    message,
  );
}
