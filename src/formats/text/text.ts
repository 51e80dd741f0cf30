/** Lines as they are: every line of a file is a record, empty ones too, without its end. */
import type { TextBuffer } from '../../base/text-buffer.ts';
import { EngineError } from '../../base/errors.ts';
import { t } from '../../types/index.ts';
import { describeValue } from '../../types/path.ts';
import type { LineEncoder, LineFormat, LineHandler } from '../format.ts';
import type { LineParser, LineReader, WindowPlace } from '../window-decoder.ts';
import { lineEnd, WindowDecoder } from '../window-decoder.ts';
import { notUtf8, utf8Text, validUtf8Text, writeUtf8 } from '../utf8.ts';
import { ByteIndex } from '../byte-index.ts';
import { asciiText } from '../../base/ascii-text.ts';

/**
 * Text in UTF-8, a record a line. A line that is not UTF-8 is malformed. Written text must not hold
 * line ends, which would come back as several records.
 * @example files.source({ path: 'pages/*.txt', format: text() })
 */
export function text(): LineFormat<string> {
  let parser: TextParser | undefined;
  return {
    kind: 'text',
    schema: t.string,
    skipsFirstLine: false,
    splittable: true,
    extension: 'txt',
    createDecoder: () => new WindowDecoder((parser ??= new TextParser()), new TextReader()),
    createEncoder: () => new TextLineEncoder(),
  };
}

const LF = 0x0a;

class TextParser implements LineParser {
  readonly index: ByteIndex = new ByteIndex([LF, LF]);
  readonly place: WindowPlace = { p: 0, k: 0 };

  readonly line = (p: number, k: number): string => {
    const { bytes, entries, ascii } = this.index;
    let entry = k;
    while (bytes[entries[entry]!] !== LF) entry++;
    const stop = entries[entry]!;
    this.place.p = stop + 1;
    this.place.k = entry + 1;
    const end = lineEnd(bytes, p, stop);
    return ascii ? asciiText(bytes, p, end - p) : validUtf8Text(bytes, p, end);
  };
}

class TextReader implements LineReader<string> {
  read(bytes: TextBuffer, start: number, end: number, handler: LineHandler<string>): boolean {
    const line = utf8Text(bytes, start, end);
    if (line !== undefined) return handler.record(line);
    return handler.malformed(notUtf8(bytes, start, end), bytes, start, end);
  }
}

class TextLineEncoder implements LineEncoder<string> {
  readonly header: undefined = undefined;

  encode(value: string, out: Uint8Array, at: number): number {
    if (typeof value !== 'string') refuse(`it is ${describeValue(value)}, not a string`, FIT);
    if (/\n|\r$/.test(value)) {
      refuse('it has a line end inside, so that one line would become several', ESCAPE);
    }
    if (!value.isWellFormed()) refuse('it has half of a character (a lone surrogate)', ESCAPE);
    return writeUtf8(`${value}\n`, out, at);
  }
}

const FIT = 'Map the records to strings before the sink.';
const ESCAPE = 'Write it with the format json() instead, which escapes it.';

function refuse(reason: string, fix: string): never {
  throw new EngineError('DATA_NOT_WRITABLE', { format: 'text', field: 'record', reason, fix });
}
