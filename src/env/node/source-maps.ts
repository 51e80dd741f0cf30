/**
 * Source maps of the modules of this process, for places that V8 tells: also of those that only
 * another thread has loaded, and of what lies below node_modules, which Node leaves out.
 */
import type { SourceMap, SourceMapPayload } from 'node:module';
import type { FindSourceMap } from './profile-sources.ts';

/** The engine's own files lie below it, packed, compiled, or as they were written. */
const ENGINE = new URL('../../', import.meta.url).href;
const INLINE = '//# sourceMappingURL=data:application/json;base64,';

export const findMap: FindSourceMap = (url) => {
  const { findSourceMap } = process.getBuiltinModule('node:module');
  return findSourceMap(url) ?? mapOfEngine(url) ?? mapOfBundle(url);
};

function mapOfEngine(url: string): SourceMap | undefined {
  if (!url.startsWith(ENGINE)) return undefined;
  const text = textOf(`${url}.map`);
  if (text === undefined) return undefined;
  const payload = JSON.parse(text) as SourceMapPayload;
  const sources = payload.sources.map((source) => new URL(source, url).href);
  return mapOf({ ...payload, sources });
}

/** A bundle ends with its map. */
function mapOfBundle(url: string): SourceMap | undefined {
  if (!url.startsWith('file:') || !url.endsWith('.mjs')) return undefined;
  const text = textOf(url) ?? '';
  const at = text.lastIndexOf(INLINE);
  if (at === -1) return undefined;
  const base64 = text.slice(at + INLINE.length).trim();
  return mapOf(JSON.parse(Buffer.from(base64, 'base64').toString()) as SourceMapPayload);
}

function mapOf(payload: SourceMapPayload): SourceMap {
  const { SourceMap } = process.getBuiltinModule('node:module');
  return new SourceMap(payload);
}

/** Undefined for what is not there: a bundle may be gone with its job. */
function textOf(url: string): string | undefined {
  const { existsSync, readFileSync } = process.getBuiltinModule('node:fs');
  const file = process.getBuiltinModule('node:url').fileURLToPath(url);
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}
