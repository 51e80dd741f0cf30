/**
 * What a worker writes on its standard streams, as lines.
 *
 * Invariants:
 *   O1. No character is lost but line ends and empty lines: what comes without the end of its line
 *       is a line of its own after a moment, when it is long, and when the stream ends.
 */
import type { Readable } from 'node:stream';

/** How long a text waits for the rest of its line. */
const PATIENCE_MILLISECONDS = 100;
const LINE_LENGTH_MAX = 1 << 16;

/** Takes the stream from whoever has it. */
export function readLines(stream: Readable, take: (line: string) => void): void {
  let rest = '';
  let timer: NodeJS.Timeout | undefined;
  const give = (line: string): void => {
    for (let at = 0; at < line.length; at += LINE_LENGTH_MAX) {
      take(line.slice(at, at + LINE_LENGTH_MAX));
    }
  };
  const giveRest = (): void => {
    clearTimeout(timer);
    give(rest);
    rest = '';
  };
  stream.unpipe();
  stream.setEncoding('utf8');
  stream.on('data', (text: string) => {
    const lines = text.split(/\r?\n/);
    lines[0] = rest + lines[0];
    rest = lines.pop()!;
    lines.forEach(give);
    clearTimeout(timer);
    if (rest.length >= LINE_LENGTH_MAX) giveRest();
    else if (rest !== '') timer = setTimeout(giveRest, PATIENCE_MILLISECONDS);
  });
  stream.on('end', giveRest);
  stream.resume();
}
