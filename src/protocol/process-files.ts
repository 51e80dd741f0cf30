/** What a process of the cluster shows of itself to those who look after it: files and threads. */

export interface ListedFile {
  readonly name: string;
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly modified: number;
}

export interface FileList {
  readonly files: readonly ListedFile[];
  /** Which of them is the log of the process; undefined if none is. */
  readonly logName: string | undefined;
  /** Which of them has what was printed. */
  readonly stdoutName: string | undefined;
}

export interface FilePiece {
  readonly bytes: Uint8Array;
  /** Of the whole file, at that moment. */
  readonly size: number;
}

/** The files that a process shows, by name. */
export interface ProcessFiles {
  readonly logName: string | undefined;
  readonly stdoutName: string | undefined;
  list(): Promise<readonly ListedFile[]>;
  /** A piece of a file; undefined for a name that is not in the list. */
  read(name: string, offset: number): Promise<FilePiece | undefined>;
}

export interface ThreadInfo {
  readonly name: string;
  /** A line with the name, and what is known below it. */
  readonly info: string;
}
