/**
 * The signal that unwinds code of a simulated thread that has ended in the middle of what it did.
 * Whoever catches it can go on computing, but every further call of the environment throws it again
 * or does nothing, so nothing that such code does has an effect.
 */
export class ProcessKilled extends Error {
  override readonly name = 'ProcessKilled';

  constructor() {
    super('This simulated thread has ended; what runs on of it has no effect.');
  }
}
