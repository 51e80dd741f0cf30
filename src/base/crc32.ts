/**
 * CRC-32 (that of zip and gzip), by which damaged files are found: any error within 32 neighbouring
 * bits is certain to be, anything else but once in four thousand million times. Node's own code
 * does gigabytes a second. It is loaded when the first sum is asked for: that takes 5 ms, and most
 * threads of short jobs have nothing to sum.
 */

/**
 * The checksum of `bytes`, unsigned; with `seed` the checksum of what came before, that of both
 * together.
 */
export function crc32(bytes: Uint8Array, seed: number = 0): number {
  return process.getBuiltinModule('node:zlib').crc32(bytes, seed);
}
