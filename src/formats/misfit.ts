/**
 * Thrown where a value does not fit, without stack or place, and caught by whoever can say more.
 */
export const MISFIT: Error = Object.freeze(new Error('a value does not fit its schema'));
