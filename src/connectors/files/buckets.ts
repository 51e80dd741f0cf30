/** Buckets: the folders of a sink's folder into which its files are put. */
import { EngineError } from '../../base/errors.ts';
import type { Timestamp } from '../../base/units.ts';

/** What an assigner knows beside the record. */
export interface BucketContext {
  /** Event time of the record, if it has one. */
  readonly timestamp: Timestamp | undefined;
  readonly watermark: Timestamp;
  readonly processingTime: Timestamp;
}

/**
 * The folder of a record, as a path below that of the sink: `2026-11-28--13`, `country=ch/day=5`;
 * the sink's own is the empty text. It should be the same for the same record at every time, or
 * what is written again after a failure may be in another folder than before.
 */
export type BucketAssigner<T> = (record: T, context: BucketContext) => string;

export interface DateTimeBuckets {
  /**
   * Of the letters of Java: `yyyy`, `MM`, `dd`, `HH`, `mm`, `ss`; other letters stand in single
   * quotes. Default `yyyy-MM-dd--HH`.
   */
  readonly pattern?: string | undefined;
  /** Of the record (`event`), or of the clock (`processing`, the default, as in Flink). */
  readonly time?: 'event' | 'processing' | undefined;
  /** An IANA name such as `Europe/Zurich`. Default `UTC`, the same on every machine. */
  readonly zone?: string | undefined;
}

/**
 * A folder for each hour, or whatever the pattern tells.
 * @example
 * files.sink({
 *   path: 's3://bucket/orders',
 *   format: json(Order),
 *   bucketBy: files.byDateTime({ pattern: "'day='yyyy-MM-dd/'hour='HH", time: 'event' }),
 * });
 */
export function byDateTime(options: DateTimeBuckets = {}): BucketAssigner<unknown> {
  const { pattern = 'yyyy-MM-dd--HH', time = 'processing', zone = 'UTC' } = options;
  if (time !== 'event' && time !== 'processing') {
    refuse(`time is event or processing, not ${String(time)}`);
  }
  const pieces = parsePattern(pattern);
  const clock = zonedClock(zone);
  // A part of a second changes nothing.
  let second = NaN;
  let bucket = '';
  return (_record, { timestamp, processingTime }) => {
    const at = time === 'event' ? timestamp : processingTime;
    if (at === undefined) {
      const reason = 'the record has no event time; assign timestamps before the sink';
      throw new EngineError('CONNECTOR_BUCKET_INVALID', { bucket: pattern, reason });
    }
    const now = Math.floor(at / 1000);
    if (now !== second) {
      const fields = clock(now * 1000);
      bucket = pieces.map((piece) => piece.text ?? fields[piece.field]).join('');
      second = now;
    }
    return bucket;
  };
}

/** @throws EngineError CONNECTOR_BUCKET_INVALID for a folder that readers do not see, or outside */
export function checkBucket(bucket: string): void {
  if (typeof bucket !== 'string') throw invalid(String(bucket), 'it is no text');
  if (bucket === '') return;
  for (const name of bucket.split('/')) {
    if (name === '') throw invalid(bucket, 'a folder in it has no name');
    if (name.startsWith('.') || name.startsWith('_')) {
      throw invalid(bucket, 'readers pass over folders that begin with . or _');
    }
    if (/[\0\\]/.test(name)) throw invalid(bucket, 'a folder is not called so');
  }
}

type Field = 'yyyy' | 'MM' | 'dd' | 'HH' | 'mm' | 'ss';
type Fields = Readonly<Record<Field, string>>;
type Piece =
  | { readonly text: string; readonly field?: undefined }
  | { readonly text?: undefined; readonly field: Field };

const PIECE = /yyyy|MM|dd|HH|mm|ss|'((?:[^']|'')*)'|[^A-Za-z']/gy;

function parsePattern(pattern: string): readonly Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  for (const match of pattern.matchAll(PIECE)) {
    const [whole, quoted] = match;
    end = match.index + whole.length;
    if (quoted !== undefined) {
      pieces.push({ text: quoted === '' ? "'" : quoted.replaceAll("''", "'") });
    } else if (/^[A-Za-z]/.test(whole)) pieces.push({ field: whole as Field });
    else pieces.push({ text: whole });
  }
  if (end < pattern.length || pattern === '') {
    refuse(
      `pattern has yyyy, MM, dd, HH, mm and ss, and other letters in single quotes; ` +
        `${JSON.stringify(pattern.slice(end))} is none of them`,
    );
  }
  return pieces;
}

function zonedClock(zone: string): (millis: number) => Fields {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-u-ca-iso8601-nu-latn', {
      ...{ timeZone: zone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit' },
      ...{ hour: '2-digit', minute: '2-digit', second: '2-digit' },
    });
  } catch {
    return refuse(`zone is a name such as UTC or Europe/Zurich, not ${JSON.stringify(zone)}`);
  }
  return (millis) => {
    const of = new Map(format.formatToParts(millis).map(({ type, value }) => [type, value]));
    const two = (type: Intl.DateTimeFormatPartTypes): string => of.get(type)!.padStart(2, '0');
    return {
      yyyy: of.get('year')!.padStart(4, '0'),
      MM: two('month'),
      dd: two('day'),
      HH: two('hour'),
      mm: two('minute'),
      ss: two('second'),
    };
  };
}

function invalid(bucket: string, reason: string): EngineError {
  return new EngineError('CONNECTOR_BUCKET_INVALID', { bucket, reason });
}

function refuse(reason: string): never {
  throw new EngineError('API_INVALID_ARGUMENT', { call: 'files.byDateTime', reason });
}
