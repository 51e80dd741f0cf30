/**
 * The binary layout of the parts of a struct or tuple:
 *
 *   1. presence bits, least significant first, eight to a byte: one for each `optional` and one for
 *      each `nullable` part, set when there is a value;
 *   2. the parts of fixed size in order; an absent one keeps its place, zeroed;
 *   3. the headers of the present strings in order (`ByteWriter.stringHeader`);
 *   4. the texts of those strings in order;
 *   5. the other present parts in order.
 *
 * Everything of constant position comes first, so that it takes one bounds check to write or read.
 */
import type { FixedKind } from './fixed-kinds.ts';
import { fixedKind } from './fixed-kinds.ts';
import type { SchemaDescription } from './schema-description.ts';

/** A wrapper around a part, from the outside in, with the number of its presence bit. */
interface Wrapper {
  readonly empty: 'undefined' | 'null';
  readonly bit: number;
}

export interface Part {
  readonly index: number;
  readonly wrappers: readonly Wrapper[];
  /** Without the wrappers. */
  readonly type: SchemaDescription;
  readonly fixed: FixedKind | undefined;
  /** Of a part of fixed size: its place after the beginning. */
  readonly at: number;
}

export interface Layout {
  readonly parts: readonly Part[];
  readonly fixed: readonly Part[];
  readonly strings: readonly Part[];
  readonly others: readonly Part[];
  readonly maskBytes: number;
  /** Bytes of presence bits and fixed parts together. */
  readonly headBytes: number;
}

export function layoutOf(types: readonly SchemaDescription[]): Layout {
  let bits = 0;
  const unwrapped = types.map((type, index) => {
    const wrappers: Wrapper[] = [];
    let inner = type;
    while (inner.kind === 'optional' || inner.kind === 'nullable') {
      wrappers.push({ empty: inner.kind === 'optional' ? 'undefined' : 'null', bit: bits++ });
      inner = inner.of;
    }
    return { index, wrappers, type: inner, fixed: fixedKind(inner) };
  });
  const maskBytes = Math.ceil(bits / 8);
  let headBytes = maskBytes;
  const parts = unwrapped.map((part): Part => {
    const at = headBytes;
    headBytes += part.fixed?.size ?? 0;
    return { ...part, at };
  });
  return {
    parts,
    fixed: parts.filter(({ fixed }) => fixed !== undefined),
    strings: parts.filter(({ type }) => type.kind === 'string'),
    others: parts.filter(({ type, fixed }) => fixed === undefined && type.kind !== 'string'),
    maskBytes,
    headBytes,
  };
}

/** The fewest bytes that a value can take. */
export function minimumBytes(description: SchemaDescription): number {
  switch (description.kind) {
    case 'struct':
      return partsMinimum(description.fields.map(({ type }) => type));
    case 'tuple':
      return partsMinimum(description.items);
    case 'union':
    case 'oneOf':
      return 1 + Math.min(...description.arms.map(({ type }) => minimumBytes(type)));
    default:
      return fixedKind(description)?.size ?? 1;
  }
}

function partsMinimum(types: readonly SchemaDescription[]): number {
  const { headBytes, strings, others } = layoutOf(types);
  const variable = [...strings, ...others].filter(({ wrappers }) => wrappers.length === 0);
  return variable.reduce((sum, { type }) => sum + minimumBytes(type), headBytes);
}
