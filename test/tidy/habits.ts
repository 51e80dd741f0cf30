// The habits of STYLE.md that a machine can see: sizes, first comments, names, module state, tests
// that always run, and a few words that must not be there.
import { functionSpans } from './functions.ts';
import { isTest, matches, type Project, top, type Violation } from './project.ts';
import { lineOf, type SourceText } from './source-text.ts';

/** Path -> why it may be longer. */
export type Exceptions = Readonly<Record<string, string>>;

const FILE_LINES_MAX = 600;
const EXAMPLE_LINES_MAX = 60;
const COLUMNS_MAX = 100;
const FUNCTION_LINES_MAX = 70;

export function checkLength(file: SourceText, exceptions: Exceptions): Violation[] {
  const lines = file.text.trimEnd().split('\n').length;
  const max = top(file.path) === 'examples' ? EXAMPLE_LINES_MAX : FILE_LINES_MAX;
  if (lines <= max || Object.hasOwn(exceptions, file.path)) return [];
  return [
    at(file, 1, `${lines} lines, the limit is ${max}; take a part with a name of its own out`),
  ];
}

/** A line may be longer by what is inside its literals: messages stay in one piece for grep. */
export function checkColumns(file: SourceText): Violation[] {
  const code = file.code.split('\n');
  const uncommented = file.uncommented.split('\n');
  return file.text.split('\n').flatMap((line, index) => {
    if (line.length <= COLUMNS_MAX || /https?:\/\//.test(line)) return [];
    const bare = code[index]!.replace(/(['"`/]) +(?=\1)/g, '$1').trimEnd();
    const commented = uncommented[index]!.trimEnd().length < line.length;
    if (!commented && bare.length <= COLUMNS_MAX) return [];
    return [at(file, index + 1, `${line.length} columns, the limit is ${COLUMNS_MAX}`)];
  });
}

/** `path#name` -> why that function may be longer. Tests are lists, and may be long. */
export function checkFunctions(file: SourceText, exceptions: Exceptions): Violation[] {
  if (isTest(file.path)) return [];
  return functionSpans(file)
    .filter((f) => f.lines > FUNCTION_LINES_MAX)
    .filter((f) => !Object.hasOwn(exceptions, `${file.path}#${f.name}`))
    .map((f) =>
      at(
        file,
        lineOf(file.code, f.offset),
        `${f.name} has ${f.lines} lines, the limit is ${FUNCTION_LINES_MAX}`,
      ),
    );
}

export function checkFirstComment(file: SourceText): Violation[] {
  if (isTest(file.path)) return [];
  const begin = file.text.replace(/^#!.*\n/, '').trimStart();
  const comment = /^(?:\/\/.*(?:\n|$))+|^\/\*[^]*?\*\//.exec(begin)?.[0] ?? '';
  if (comment.replace(/[\s/*]/g, '').length >= 15) return [];
  return [at(file, 1, 'begin with a comment that says what the file is for')];
}

/** State lives in objects that somebody owns and ends; a module is loaded once and never ends. */
export function checkModuleState(file: SourceText, exceptions: Exceptions): Violation[] {
  if (isTest(file.path) || Object.hasOwn(exceptions, file.path)) return [];
  const outer = topLevel(file.code);
  return [
    ...matches(file, /^(?:export\s+)?(?:let|var)\s/gm, 'no mutable state in a module', outer),
    ...matches(
      file,
      /^(?:export\s+)?const\s+[\w$]+(?<type>\s*:[^=;]*(?:=>[^=;]*)?)?\s*=\s*(?:new\s+(?:Weak)?(?:Map|Set)\b|\[\s*\]|\{\s*\}|new\s+Array\b)/gm,
      (match) =>
        /^\s*:\s*(?:Readonly|readonly\b)/.test(match.groups?.['type'] ?? '')
          ? undefined
          : 'no mutable state in a module; give a constant table a Readonly type',
      outer,
    ),
    ...matches(
      file,
      /^\s*(?:(?:private|protected|public)\s+)?static\s+(?!readonly\b)(?:(?:private|public)\s+)?#?[\w$]+\s*[:=;?]/gm,
      'no mutable static fields; they are module state',
    ),
  ];
}

/** The code with dots for everything inside braces. */
function topLevel(code: string): string {
  let depth = 0;
  return code
    .split('')
    .map((c) => {
      if (c === '}' || c === ')') depth--;
      const out = depth > 0 && /\S/.test(c) ? '.' : c;
      if (c === '{' || c === '(') depth++;
      return out;
    })
    .join('');
}

const UNFINISHED = /\b(?:TO[D]O|FIX[M]E|X[X]X)\b/g;

export function checkUnfinished(file: SourceText): Violation[] {
  const message = 'finish it, or write an issue; notes to self do not merge';
  return matches(file, UNFINISHED, message, file.text);
}

export function checkDefaultExports(file: SourceText, allowedIn: readonly string[]): Violation[] {
  if (allowedIn.some((folder) => file.path.startsWith(folder))) return [];
  return matches(
    file,
    /^export\s+default\b|^export\s*\{[^}]*\bas\s+default\b/gm,
    'only the file of a job has a default export',
  );
}

export function checkTestsRun(file: SourceText): Violation[] {
  const message = 'every test always runs; repair or remove it';
  return [
    ...matches(file, /\b(?:test|it|describe|suite|t)\s*\.\s*(?:skip|only|todo)\b/g, message),
    ...(isTest(file.path) ? matches(file, /\b(?:skip|only|todo)\s*:\s*(?!false\b)/g, message) : []),
  ];
}

export function checkFileName(file: SourceText): Violation[] {
  const name = file.path.slice(file.path.lastIndexOf('/') + 1);
  if (/^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.test(?:-d|-kit)?)?\.[cm]?[jt]s$/.test(name)) return [];
  return [at(file, 1, 'file names are words in small letters, joined by hyphens')];
}

const ALLOWED_MANAGERS = /^(?:Resource|Slot|Task|Job)Manager/;

export function checkNames(file: SourceText): Violation[] {
  return matches(file, /\b(?:class|interface)\s+([A-Z][\w$]*)/g, (match) => {
    const name = match[1]!;
    const empty =
      /^Abstract[A-Z]|(?:Impl|Factory|Helper|Utils?)$/.test(name) || /^I[A-Z][a-z]/.test(name);
    const manager = name.endsWith('Manager') && !ALLOWED_MANAGERS.test(name);
    return empty || manager ? `${name}: name the thing, not its role in a pattern` : undefined;
  });
}

/**
 * Two copies of the package may meet in one process; brand and code survive that, classes do not.
 */
export function checkErrorTests(file: SourceText): Violation[] {
  return matches(
    file,
    /\binstanceof\s+EngineError\b/g,
    'recognise an EngineError by its brand and code',
  );
}

export function checkMarkdown(project: Project): Violation[] {
  return project.markdown.flatMap(({ path, text }) => {
    const prose = text.replace(/^```[^]*?^```/gm, (fence) => fence.replace(/[^\n]/g, ''));
    const titles = [...prose.matchAll(/^# .+$/gm)];
    const unfinished = [...text.matchAll(UNFINISHED)].map((match) => match.index);
    return [
      ...(titles.length === 1 && titles[0]!.index === 0
        ? []
        : [{ path, line: 1, message: 'one "# Title", on the first line' }]),
      ...unfinished.map((index) => ({
        path,
        line: lineOf(text, index),
        message: 'finish it, or write an issue',
      })),
    ];
  });
}

function at(file: SourceText, line: number, message: string): Violation {
  return { path: file.path, line, message };
}
