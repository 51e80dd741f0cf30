/**
 * Text on a terminal that is replaced by the next; elsewhere one stands below the other.
 *
 * Invariants
 * G1. What is drawn is erased before anything else is written, so that output and progress never
 *     mix.
 */
import type { TerminalStream } from '../env/env.ts';

export class LiveText {
  readonly #stream: TerminalStream;
  #drawnLines = 0;

  constructor(stream: TerminalStream) {
    this.#stream = stream;
  }

  /** Whether the stream can be redrawn. */
  get isLive(): boolean {
    return this.#stream.columns !== undefined;
  }

  /** @param text lines with a line end each, none wider than the terminal */
  show(text: string): void {
    this.erase();
    this.#stream.write(text);
    this.#drawnLines = this.isLive ? text.split('\n').length - 1 : 0;
  }

  /** G1 */
  erase(): void {
    if (this.#drawnLines === 0) return;
    this.#stream.write(`\u001B[${this.#drawnLines}A\u001B[0J`);
    this.#drawnLines = 0;
  }
}

/** Lines that are wider than the terminal would wrap and spoil the redrawing. */
export function fitLines(text: string, columns: number): string {
  return text
    .split('\n')
    .map((line) => clip(line, columns))
    .join('\n');
}

export function clip(text: string, columns: number): string {
  return text.length > columns ? `${text.slice(0, Math.max(columns - 1, 0))}…` : text;
}
