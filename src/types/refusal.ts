/**
 * How generated encoders say that a value does not fit: they throw one mark, without a stack or a
 * path, and whoever called the encoder finds out by walking value and schema together what is
 * wrong.
 */

/** Thrown by `refuse`, caught by `createCodec`; it never gets out of a codec. */
export const REFUSED: Error = Object.freeze(new Error('a value does not fit its schema'));

export function refuse(): never {
  throw REFUSED;
}
