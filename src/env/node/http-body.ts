/**
 * Bodies of HTTP messages: read in pieces within a limit, and taken apart into parts by
 * @fastify/busboy, which is loaded when the first upload comes.
 */
import type { IncomingMessage } from 'node:http';
import type { BusboyFileStream } from '@fastify/busboy';
import { EngineError, isEngineError } from '../../base/errors.ts';
import type { HttpPart, HttpPartLimits } from '../http.ts';
import { systemReason } from './system-error.ts';

/** Of a part, before its content. */
const PART_HEADER_BYTES = 16 * 1024;
const PART_NAME_BYTES = 256;

/**
 * @param onReturn what happens to the connection when the reader stops early
 * @throws EngineError HTTP_BODY_TOO_LARGE, HTTP_ABORTED
 */
export async function* bodyOf(
  message: IncomingMessage,
  limitBytes: number,
  onReturn: 'keep' | 'destroy',
): AsyncGenerator<Uint8Array, void, undefined> {
  const announced = Number(message.headers['content-length'] ?? 0);
  if (announced > limitBytes) throw tooLarge(limitBytes);
  let total = 0;
  try {
    const destroyOnReturn = onReturn === 'destroy';
    const chunks = message.iterator({ destroyOnReturn }) as AsyncIterable<Uint8Array>;
    for await (const chunk of chunks) {
      total += chunk.byteLength;
      if (total > limitBytes) throw tooLarge(limitBytes);
      yield chunk;
    }
  } catch (thrown) {
    if (isEngineError(thrown)) throw thrown;
    throw aborted(thrown);
  }
  if (!message.complete) throw aborted(new Error('the body ended too early'));
}

export async function wholeBody(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of pieces) {
    chunks.push(chunk);
    total += chunk.byteLength;
  }
  if (chunks.length === 1) return chunks[0]!;
  const whole = new Uint8Array(total);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return whole;
}

/** @throws EngineError HTTP_BODY_MALFORMED, HTTP_BODY_TOO_LARGE, HTTP_ABORTED */
export async function* partsOf(
  message: IncomingMessage,
  limits: HttpPartLimits,
): AsyncGenerator<HttpPart, void, undefined> {
  const { Busboy } = await import('@fastify/busboy');
  const parser = createParser(Busboy, message, limits);
  const found: HttpPart[] = [];
  const open = new Set<BusboyFileStream>();
  let wake = Promise.withResolvers<void>();
  let state: 'reading' | 'ended' | EngineError = 'reading';
  const settle = (next: 'ended' | EngineError): void => {
    if (state === 'reading') state = next;
    if (next !== 'ended') for (const content of open) content.destroy(next);
    wake.resolve();
  };
  parser.on('file', (name: string, content: BusboyFileStream, fileName: string | undefined) => {
    open.add(content);
    content.once('close', () => open.delete(content));
    // Whoever reads it hears of it; nobody may be reading yet.
    content.on('error', () => undefined);
    found.push({ name, fileName, content: partContent(content) });
    wake.resolve();
  });
  parser.on('finish', () => settle('ended'));
  parser.on('partsLimit', () => settle(malformed(`more than ${limits.parts} parts`)));
  parser.on('error', (thrown) => settle(malformed(systemReason(thrown))));
  const feeding = feed(message, parser, limits.totalBytes).catch((thrown: unknown) => {
    const error = isEngineError(thrown) ? thrown : aborted(thrown);
    settle(error);
    parser.destroy(error);
  });
  try {
    for (;;) {
      const part = found.shift();
      if (part !== undefined) {
        yield part;
        continue;
      }
      // Assigned by the callbacks above, which the compiler does not see.
      const now = state as 'reading' | 'ended' | EngineError;
      if (now === 'ended') return;
      if (now !== 'reading') throw now;
      await wake.promise;
      wake = Promise.withResolvers();
    }
  } finally {
    // Whoever stops early wants no more of it; a parser that is gone ends the feeding, too.
    parser.destroy();
    await feeding;
  }
}

type Parser = import('@fastify/busboy').BusboyInstance;

function createParser(
  Busboy: typeof import('@fastify/busboy').Busboy,
  message: IncomingMessage,
  limits: HttpPartLimits,
): Parser {
  const type = message.headers['content-type'] ?? '';
  if (!/^multipart\/form-data\s*;/i.test(type)) {
    throw malformed(`its type is ${JSON.stringify(type)}, not multipart/form-data`);
  }
  try {
    return Busboy({
      headers: { ...message.headers, 'content-type': type },
      // Fields, too, are read as they come, so that there is one limit for all.
      isPartAFile: () => true,
      limits: {
        parts: limits.parts,
        files: limits.parts,
        fileSize: limits.totalBytes,
        fieldNameSize: PART_NAME_BYTES,
        headerSize: PART_HEADER_BYTES,
        headerPairs: 32,
      },
    });
  } catch (thrown) {
    throw malformed(systemReason(thrown));
  }
}

async function feed(message: IncomingMessage, parser: Parser, limitBytes: number): Promise<void> {
  for await (const chunk of bodyOf(message, limitBytes, 'keep')) {
    if (parser.destroyed) return;
    if (!parser.write(chunk)) await writable(parser);
  }
  if (!parser.destroyed) parser.end();
}

function writable(parser: Parser): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      parser.off('drain', done);
      parser.off('close', done);
      parser.off('error', done);
      resolve();
    };
    parser.on('drain', done);
    parser.on('close', done);
    parser.on('error', done);
  });
}

async function* partContent(content: BusboyFileStream): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of content as AsyncIterable<Uint8Array>) yield chunk;
  } catch (thrown) {
    throw isEngineError(thrown) ? thrown : malformed(systemReason(thrown));
  }
}

function tooLarge(limit: number): EngineError {
  return new EngineError('HTTP_BODY_TOO_LARGE', { limit });
}

function malformed(reason: string): EngineError {
  return new EngineError('HTTP_BODY_MALFORMED', { reason });
}

function aborted(thrown: unknown): EngineError {
  return new EngineError('HTTP_ABORTED', { reason: systemReason(thrown) }, { cause: thrown });
}
