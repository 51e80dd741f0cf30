/**
 * Source text of the checks with which generated writers refuse what does not fit its schema, for
 * the kinds that are frequent; the others are checked by `problemOf`.
 */
import { MISFIT } from './misfit.ts';
import type { SchemaDescription } from '../types/schema-description.ts';

const RANGES: ReadonlyMap<string, readonly [number, number]> = new Map([
  ['int8', [-0x80, 0x7f]],
  ['int16', [-0x8000, 0x7fff]],
  ['int32', [-0x8000_0000, 0x7fff_ffff]],
  ['uint8', [0, 0xff]],
  ['uint16', [0, 0xffff]],
  ['uint32', [0, 0xffff_ffff]],
]);

/**
 * An expression that is true if the variable `x` fits; undefined for kinds that are not frequent.
 */
export function fitsSource({ kind }: SchemaDescription, x: string): string | undefined {
  const range = RANGES.get(kind);
  if (range !== undefined) {
    const whole = `typeof ${x} === 'number' && Math.floor(${x}) === ${x}`;
    return `${whole} && ${x} >= ${range[0]} && ${x} <= ${range[1]}`;
  }
  switch (kind) {
    case 'integer':
    case 'timestamp':
      return `Number.isSafeInteger(${x})`;
    case 'float64':
      return `typeof ${x} === 'number'`;
    case 'string':
    case 'boolean':
      return `typeof ${x} === '${kind}'`;
    case 'int64':
      return `typeof ${x} === 'bigint' && BigInt.asIntN(64, ${x}) === ${x}`;
    default:
      return undefined;
  }
}

/** A statement that refuses what does not fit. */
export function checkSource(fits: string): string {
  return `if (!(${fits})) refuse();`;
}

/** What generated writers call; whoever called them catches MISFIT and finds out what is wrong. */
export function refuseValue(): never {
  throw MISFIT;
}
