/** Lines of the log of a process, which are JSON, as people read them. */

/** The line as text; what is no line of ours stays as it is. */
export function logText(line: string): string {
  const entry = logEntry(line);
  if (entry === undefined) return line;
  const { time, level, message, fields = {} } = entry;
  const parts = Object.entries(fields).map(([name, value]) => `${name}=${plain(String(value))}`);
  return [time, level.toUpperCase().padEnd(5), plainMessage(message), ...parts].join(' ');
}

export interface LogEntry {
  readonly time: string;
  readonly level: string;
  readonly message: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** Undefined for a line that is none of ours, as those that programs write themselves. */
export function logEntry(line: string): LogEntry | undefined {
  if (!line.startsWith('{')) return undefined;
  let value: Partial<LogEntry>;
  try {
    value = JSON.parse(line) as Partial<LogEntry>;
  } catch {
    return undefined;
  }
  const { time, level, message } = value;
  const isEntry = [time, level, message].every((each) => typeof each === 'string');
  return isEntry ? (value as LogEntry) : undefined;
}

function plain(text: string): string {
  return /^[^\s"=]+$/.test(text) && !hasControls(text) ? text : JSON.stringify(text);
}

function plainMessage(text: string): string {
  return hasControls(text) ? JSON.stringify(text) : text;
}

/** They would break the line, or the reader's terminal. */
function hasControls(text: string): boolean {
  // oxlint-disable-next-line no-control-regex
  return /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(text);
}
