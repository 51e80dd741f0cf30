/**
 * Reads `config.yaml`: YAML 1.2 with nested keys, flat keys, or both. Lists become `a;b`, as Flink
 * writes them. Every mistake is found at once, with line and column.
 */
import { didYouMean } from '../base/did-you-mean.ts';
import { EngineError, isEngineError } from '../base/errors.ts';
import type { Disk } from '../env/env.ts';
import { Configuration } from './configuration.ts';
import type { OptionOrigin } from './origin.ts';
import { readTextFile } from './text-file.ts';

type Yaml = typeof import('yaml');
type Node = import('yaml').ParsedNode | null | undefined;

/** More than any configuration needs. */
const MAX_FILE_BYTES = 1024 * 1024;

interface Place {
  readonly line: number;
  readonly column: number;
}

interface Value extends Place {
  readonly text: string;
}

/** `shown` is the file as the user named it. @throws EngineError CONFIG_FILE_*, CONFIG_* */
export async function readConfigFile(
  disk: Pick<Disk, 'open' | 'stat' | 'list'>,
  path: string,
  shown: string,
): Promise<Configuration> {
  const stat = await disk.stat(path);
  if (stat === undefined) {
    throw new EngineError('CONFIG_FILE_NOT_FOUND', {
      path: shown,
      suggestion: await nearName(disk, path),
    });
  }
  if (stat.kind !== 'file' || stat.size > MAX_FILE_BYTES) {
    const problem = stat.kind === 'file' ? 'it is larger than 1 MiB' : 'it is no file';
    throw new EngineError('CONFIG_FILE_UNREADABLE', { path: shown, problem });
  }
  return parseConfigText(await readTextFile(disk, path, MAX_FILE_BYTES), shown, (place) => ({
    kind: 'file',
    file: shown,
    ...place,
  }));
}

/** @param name of the text, for errors. @throws EngineError CONFIG_FILE_*, CONFIG_* */
export async function parseConfigText(
  text: string,
  name: string,
  originAt: (place: Place) => OptionOrigin,
): Promise<Configuration> {
  const problems: Problem[] = [];
  const report = (place: Place, error: EngineError): void => {
    const declaredAt = `${name}:${place.line}:${place.column}`;
    problems.push({ ...place, error: error.within({ declaredAt }) });
  };
  // The engine runs without a file, and then does not load the parser.
  const values = readValues(await import('yaml'), text, report);
  for (const [key, value] of values) {
    try {
      Configuration.parse({ [key]: value.text });
    } catch (thrown) {
      if (!isEngineError(thrown)) throw thrown;
      report(value, thrown);
    }
  }
  if (problems.length === 1) throw problems[0]!.error;
  if (problems.length > 1) throw severalProblems(name, problems);
  const texts = Object.fromEntries([...values].map(([key, value]) => [key, value.text]));
  return Configuration.empty.with(texts, (key) => {
    const { line, column } = values.get(key)!;
    return originAt({ line, column });
  });
}

interface Problem extends Place {
  readonly error: EngineError;
}

type Report = (place: Place, error: EngineError) => void;

/** The values by key. */
function readValues(yaml: Yaml, text: string, report: Report): ReadonlyMap<string, Value> {
  const lines = new yaml.LineCounter();
  const place = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const documents = yaml.parseAllDocuments(text, {
    lineCounter: lines,
    prettyErrors: false,
    logLevel: 'silent',
  });
  const values = new Map<string, Value>();
  if (!Array.isArray(documents) || documents.length === 0) return values;
  const [document, second] = documents;
  if (second !== undefined) {
    report(place(second.range[0]), invalid('There is a second document in the file.'));
  }
  for (const { pos, message } of [...document!.errors, ...document!.warnings]) {
    report(place(pos[0]), invalid(`It is not YAML here: ${sentence(message)}`));
  }
  if (document!.errors.length > 0) return values;
  const walk = new Walk(yaml, values, (offset, problem) => report(place(offset), problem), place);
  const root = document!.contents;
  if (root === null || (yaml.isScalar(root) && root.value === null)) return values;
  if (!yaml.isMap(root))
    report(place(root.range[0]), invalid('It does not consist of keys and values.'));
  else walk.map(root, '');
  return values;
}

/** Goes through the nodes of a document. */
class Walk {
  readonly #yaml: Yaml;
  readonly #values: Map<string, Value>;
  readonly #report: (offset: number, error: EngineError) => void;
  readonly #place: (offset: number) => Place;

  constructor(
    yaml: Yaml,
    values: Map<string, Value>,
    report: (offset: number, error: EngineError) => void,
    place: (offset: number) => Place,
  ) {
    this.#yaml = yaml;
    this.#values = values;
    this.#report = report;
    this.#place = place;
  }

  map(map: import('yaml').YAMLMap.Parsed, prefix: string): void {
    for (const pair of map.items) {
      const { key, value } = pair;
      const offset = key.range[0];
      if (!this.#yaml.isScalar(key) || typeof key.value === 'object') {
        this.#report(offset, invalid('A key is a text.'));
        continue;
      }
      const path = `${prefix}${key.source}`;
      if (this.#yaml.isMap(value)) this.map(value, `${path}.`);
      else this.#value(path, offset, value);
    }
  }

  #value(key: string, offset: number, node: Node): void {
    const text = this.#yaml.isSeq(node) ? this.#list(key, node) : this.#scalar(key, offset, node);
    if (text === undefined) return;
    const earlier = this.#values.get(key);
    if (earlier !== undefined) {
      const where = `line ${earlier.line}`;
      this.#report(offset, invalid(`${key} is there twice: it was set in ${where} already.`));
      return;
    }
    this.#values.set(key, { text, ...this.#place(offset) });
  }

  #list(key: string, list: import('yaml').YAMLSeq.Parsed): string | undefined {
    const texts = list.items.map((item) => this.#scalar(key, item.range[0], item));
    if (texts.includes(undefined)) return undefined;
    return texts
      .map((text) => (/[;']/.test(text!) ? `'${text!.replaceAll("'", "''")}'` : text!))
      .join(';');
  }

  #scalar(key: string, offset: number, node: Node): string | undefined {
    if (!this.#yaml.isScalar(node)) {
      const problem = this.#yaml.isAlias(node) ? 'refers to another' : 'is no text, number or list';
      this.#report(offset, invalid(`The value of ${key} ${problem}.`));
      return undefined;
    }
    if (node.value === null) {
      this.#report(offset, invalid(`${key} has no value.`));
      return undefined;
    }
    // As it was written: `1.10` is no number for an option that wants a text.
    return node.source;
  }
}

function invalid(problem: string): EngineError {
  return new EngineError('CONFIG_FILE_INVALID', { problem });
}

function sentence(message: string): string {
  return /[.!?]$/.test(message) ? message : `${message}.`;
}

function severalProblems(name: string, problems: readonly Problem[]): EngineError {
  const inOrder = [...problems].sort(
    (left, right) => left.line - right.line || left.column - right.column,
  );
  const list = inOrder.map(({ error: { message, fix, code, scope } }) => {
    const advice = fix === undefined || code === 'CONFIG_FILE_INVALID' ? '' : ` ${fix}`;
    return `\n  ${scope.declaredAt!}: ${message}${advice}`;
  });
  const count = problems.length;
  return new EngineError('CONFIG_FILE_PROBLEMS', { name, count, list: list.join('') });
}

async function nearName(disk: Pick<Disk, 'stat' | 'list'>, path: string): Promise<string> {
  const slash = path.lastIndexOf('/');
  const folder = path.slice(0, slash) || '/';
  if ((await disk.stat(folder)) === undefined) return '';
  const names = (await disk.list(folder)).map(({ name }) => name);
  return didYouMean(path.slice(slash + 1), names);
}
