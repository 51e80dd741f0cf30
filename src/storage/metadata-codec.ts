/**
 * The file `_metadata`: what it says is written with the codec of a schema, and the schema stands
 * before it, so that the file explains itself.
 *
 *   header    8 bytes magic, version u16, 0 u16, length of the schema u32, length of the content
 *             u64, crc u32 of these
 *   body      schema as JSON, content
 *   trailer   crc u32 of header and body
 *
 * Invariants
 * M1. The header is the same in every version, up to and with its checksum: a version that is not
 *     known is told from a damaged file.
 * M2. Every byte is under a checksum, and the length of the file under the header's: a file with
 * any
 *     byte changed, missing or added is refused, with its name.
 * M3. What is read is what was written: each field has the type that it must have.
 */
import { assert } from '../base/assert.ts';
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { canonicalJson } from '../base/canonical-json.ts';
import { crc32 } from '../base/crc32.ts';
import { EngineError, messageOf } from '../base/errors.ts';
import type { StateHandle } from '../protocol/checkpoint.ts';
import { schemaOf, t, type Schema } from '../types/index.ts';
import { mapHandles, type CheckpointMetadata } from './checkpoint-metadata.ts';
import { absoluteUri, folderOfUri, relativeUri } from './file-uri.ts';

/** `MILLCHKP` */
const MAGIC = [0x4d, 0x49, 0x4c, 0x4c, 0x43, 0x48, 0x4b, 0x50] as const;
/**
 * 2: committables and records in flight say with which schemas they are encoded; 3: enumerators as
 * well, and keys say what they are of the records.
 */
const VERSION = 3;
const HEADER_BYTES = 28;
const TRAILER_BYTES = 4;
/** The last bytes of the header are its checksum. */
const SUM_AT = HEADER_BYTES - 4;

const Handle = t.union('kind', {
  inline: t.struct({ bytes: t.bytes }),
  file: t.struct({ uri: t.string, size: t.integer, shared: t.boolean }),
});

const Operator = t.struct({
  operator: t.string,
  keyed: t.optional(
    t.struct({
      firstKeyGroup: t.integer,
      lastKeyGroup: t.integer,
      parts: t.array(Handle),
    }),
  ),
  operatorState: t.optional(Handle),
  committables: t.array(t.struct({ checkpointId: t.integer, committables: t.array(t.bytes) })),
});

/** A SchemaDescription. */
const Description = t.json;

const Channels = t.array(
  t.struct({ edge: t.string, producer: t.integer, consumer: t.integer, handle: Handle }),
);

const Metadata: Schema<CheckpointMetadata> = t.struct({
  jobId: t.string,
  jobName: t.string,
  checkpointId: t.integer,
  triggeredAt: t.timestamp,
  purpose: t.enum('checkpoint', 'savepoint'),
  format: t.optional(t.enum('canonical', 'native')),
  fingerprint: t.string,
  operators: t.array(
    t.struct({
      operator: t.string,
      uid: t.optional(t.string),
      name: t.string,
      parallelism: t.integer,
      maxParallelism: t.integer,
      subtasks: t.array(t.optional(Operator)),
      committable: t.optional(Description),
      enumerator: t.optional(t.bytes),
      enumeratorSchema: t.optional(Description),
      keyedBy: t.optional(t.array(t.string)),
    }),
  ),
  vertices: t.array(
    t.struct({
      vertex: t.string,
      name: t.string,
      parallelism: t.integer,
      maxParallelism: t.integer,
      subtasks: t.array(t.struct({ finished: t.boolean, inputs: Channels, outputs: Channels })),
    }),
  ),
  edges: t.array(
    t.struct({
      ...{ edge: t.string, source: t.string, target: t.string, targetInput: t.uint8 },
      ...{ tag: t.optional(t.string), partitioner: t.string },
      ...{ partitionedBy: t.optional(t.string), keyedBy: t.optional(t.string) },
      schema: Description,
    }),
  ),
  blob: t.bytes,
}) as Schema<unknown> as Schema<CheckpointMetadata>;

const SCHEMA_TEXT = canonicalJson(Metadata.description);

/**
 * The bytes of the file. State in the folder is named relative to it, so that the folder can be
 * moved as a whole.
 */
export function encodeMetadata(metadata: CheckpointMetadata, folder: string): Uint8Array {
  for (const { name, parallelism, subtasks } of parallelParts(metadata)) {
    assert(subtasks.length === parallelism, `M3: ${name} has ${subtasks.length} subtasks`);
  }
  const relative = (handle: StateHandle): StateHandle =>
    handle.kind === 'inline' ? handle : { ...handle, uri: relativeUri(folder, handle.uri) };
  const content = new ByteWriter();
  Metadata.codec.encode(mapHandles(metadata, relative), content);
  const schema = new TextEncoder().encode(SCHEMA_TEXT);
  const out = new ByteWriter(HEADER_BYTES + schema.length + content.offset + TRAILER_BYTES);
  for (const byte of MAGIC) out.uint8(byte);
  out.uint16(VERSION);
  out.uint16(0);
  out.uint32(schema.length);
  out.int64(BigInt(content.offset));
  out.uint32(crc32(out.written()));
  out.raw(schema);
  out.raw(content.written());
  out.uint32(crc32(out.written()));
  return out.copy();
}

/**
 * @param uri of the file, resolved
 * @throws EngineError CHECKPOINT_FILE_INVALID with the file's name, unless every byte is as written
 */
export function decodeMetadata(bytes: Uint8Array, uri: string): CheckpointMetadata {
  const fail = (reason: string, cause?: unknown): never => {
    throw new EngineError('CHECKPOINT_FILE_INVALID', { path: uri, reason }, { cause });
  };
  const { contentAt, end } = readHeader(bytes, fail);
  if (new ByteReader(bytes, end).uint32() !== crc32(bytes.subarray(0, end))) {
    fail('its checksum is wrong: it is damaged');
  }
  const schema = new TextDecoder().decode(bytes.subarray(HEADER_BYTES, contentAt));
  if (schema !== SCHEMA_TEXT) {
    fail('it was written by another build of Millrace: its schema is another');
  }
  try {
    const reader = new ByteReader(bytes, contentAt, end);
    const stored = Metadata.codec.decode(reader);
    reader.expectEnd();
    return complete(stored, folderOfUri(uri));
  } catch (thrown) {
    return fail(`it makes no sense: ${messageOf(thrown)}`, thrown);
  }
}

interface Layout {
  readonly contentAt: number;
  /** Where the trailer begins. */
  readonly end: number;
}

/** M1, M2. */
function readHeader(bytes: Uint8Array, fail: (reason: string) => never): Layout {
  if (bytes.length === 0) fail('it is empty');
  if (bytes.length < HEADER_BYTES + TRAILER_BYTES) {
    fail(`it is damaged: it has ${bytes.length} bytes, fewer than the shortest one`);
  }
  if (MAGIC.some((byte, at) => bytes[at] !== byte)) {
    fail('it is damaged, or no metadata of a checkpoint of Millrace: its beginning is another');
  }
  const reader = new ByteReader(bytes, MAGIC.length);
  const version = reader.uint16();
  reader.uint16();
  const schemaLength = reader.uint32();
  const contentLength = Number(reader.int64());
  if (reader.uint32() !== crc32(bytes.subarray(0, SUM_AT))) {
    fail('the checksum of its beginning is wrong: it is damaged');
  }
  if (version !== VERSION) {
    fail(`it has the format version ${version}, and this version of Millrace reads ${VERSION}`);
  }
  const contentAt = HEADER_BYTES + schemaLength;
  const end = contentAt + contentLength;
  if (bytes.length !== end + TRAILER_BYTES) {
    fail(`it is damaged: it has ${bytes.length} bytes of ${end + TRAILER_BYTES}`);
  }
  return { contentAt, end };
}

/** M3, with the URIs as they are now. */
function complete(stored: CheckpointMetadata, folder: string): CheckpointMetadata {
  for (const { name, parallelism, subtasks } of parallelParts(stored)) {
    if (subtasks.length === parallelism) continue;
    corrupt(name, `there are ${subtasks.length} subtasks of ${parallelism}`);
  }
  requireSchemas(stored);
  return mapHandles(stored, (handle) =>
    handle.kind === 'inline' ? handle : { ...handle, uri: absoluteUri(folder, handle.uri) },
  );
}

function parallelParts({
  operators,
  vertices,
}: CheckpointMetadata): readonly CheckpointMetadata['operators' | 'vertices'][number][] {
  return [...operators, ...vertices];
}

/** M3: what is encoded with a schema has one. */
function requireSchemas({ operators, vertices, edges }: CheckpointMetadata): void {
  for (const { name: what, committable, subtasks, enumerator, enumeratorSchema } of operators) {
    const has = subtasks.some((snapshot) => (snapshot?.committables.length ?? 0) > 0);
    if (committable !== undefined) schemaOf(committable);
    else if (has) corrupt(what, 'nothing says what its committables are');
    if (enumeratorSchema !== undefined) schemaOf(enumeratorSchema);
    else if (enumerator !== undefined) corrupt(what, 'nothing says what its enumerator keeps');
  }
  for (const { schema } of edges) schemaOf(schema);
  const known = new Set(edges.map(({ edge }) => edge));
  for (const { name: what, subtasks } of vertices) {
    const channels = subtasks.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]);
    const unknown = channels.find(({ edge }) => !known.has(edge));
    if (unknown !== undefined) corrupt(what, `nothing says what is in flight on ${unknown.edge}`);
  }
}

function corrupt(what: string, reason: string): never {
  throw new EngineError('DATA_CORRUPT', { what, reason });
}
