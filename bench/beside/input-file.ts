/** Files of lines in the cache of the benchmarks, made once. */
import { createHash } from 'node:crypto';
import { createWriteStream, existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { CACHE } from './cache.ts';

export interface InputFile {
  readonly path: string;
  readonly md5: string;
  readonly bytes: number;
}

const BLOCK = 1 << 20;

/** @param lines are the same whenever they are made */
export async function inputFile(name: string, lines: () => Iterable<string>): Promise<InputFile> {
  const path = join(CACHE, 'input', name);
  const about = `${path}.json`;
  if (existsSync(about)) return JSON.parse(await readFile(about, 'utf8')) as InputFile;
  await mkdir(join(CACHE, 'input'), { recursive: true });
  const part = `${path}.part`;
  const out = createWriteStream(part);
  const hash = createHash('md5');
  let bytes = 0;
  let block = '';
  const flush = async (): Promise<void> => {
    const buffer = Buffer.from(block);
    block = '';
    hash.update(buffer);
    bytes += buffer.length;
    if (!out.write(buffer)) await new Promise((resolve) => out.once('drain', resolve));
  };
  for (const line of lines()) {
    block += `${line}\n`;
    if (block.length >= BLOCK) await flush();
  }
  await flush();
  out.end();
  await finished(out);
  await rename(part, path);
  const file = { path, md5: hash.digest('hex'), bytes };
  await writeFile(about, JSON.stringify(file));
  return file;
}
