/** What a process of the cluster shows of itself: its files, its threads, how it was started. */

export interface ProcessView {
  readonly environment: ProcessEnvironment;
  /** Names of the log and of the standard output among the files, where it writes them. */
  readonly logName: string | undefined;
  readonly stdoutName: string | undefined;
  files(): Promise<readonly LogFile[]>;
  /** A piece of a file; undefined for a name that is not in the list. */
  read(name: string, offset: number): Promise<LogPiece | undefined>;
  /** What its threads do, as far as it can tell. */
  threads(): Promise<readonly ThreadInfo[]>;
}

export interface ProcessEnvironment {
  /** Of Node. */
  readonly version: string;
  readonly architecture: string;
  readonly options: readonly string[];
}

export interface ThreadInfo {
  readonly name: string;
  /** As Flink's dashboard shows it: a line with the name, and what is known below it. */
  readonly info: string;
}

export interface LogFile {
  readonly name: string;
  readonly size: number;
  readonly modified: number;
}

export interface LogPiece {
  readonly bytes: Uint8Array;
  /** Of the whole file, at that moment. */
  readonly size: number;
}

/** A file piece by piece, as it was when the reading began. */
export async function* piecesOf(
  first: LogPiece,
  read: (offset: number) => Promise<LogPiece | undefined>,
): AsyncGenerator<Uint8Array, void, undefined> {
  let offset = 0;
  for (let piece: LogPiece | undefined = first; piece !== undefined; piece = await read(offset)) {
    const bytes = piece.bytes.subarray(0, first.size - offset);
    if (bytes.byteLength > 0) yield bytes;
    offset += bytes.byteLength;
    if (bytes.byteLength === 0 || offset >= first.size) return;
  }
}
