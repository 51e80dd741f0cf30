/**
 * A CPU profile whose functions are where people wrote them: names, files and lines of a bundle
 * become those of the sources that its source map names. What has no map stays as it is.
 */
import type { SourceMap } from 'node:module';

/** As the inspector gives it: what a file `.cpuprofile` holds. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  /** Microseconds. */
  readonly startTime: number;
  readonly endTime: number;
  /** Ids of nodes, and the microseconds since the sample before. */
  readonly samples?: readonly number[] | undefined;
  readonly timeDeltas?: readonly number[] | undefined;
}

export interface ProfileNode {
  readonly id: number;
  readonly callFrame: CallFrame;
  readonly hitCount?: number | undefined;
  readonly children?: readonly number[] | undefined;
  readonly positionTicks?: readonly PositionTick[] | undefined;
}

/** Lines and columns count from 0, that of a tick from 1. */
interface CallFrame {
  readonly functionName: string;
  readonly scriptId: string;
  readonly url: string;
  readonly lineNumber: number;
  readonly columnNumber: number;
}

interface PositionTick {
  readonly line: number;
  readonly ticks: number;
}

export type FindSourceMap = (file: string) => Pick<SourceMap, 'findEntry' | 'payload'> | undefined;

type Found = NonNullable<ReturnType<FindSourceMap>>;

/** A place in a source; lines and columns count from 0. */
export interface Place {
  readonly source: string;
  readonly line: number;
  readonly column: number;
}

export function atSources(profile: CpuProfile, findSourceMap: FindSourceMap): CpuProfile {
  const maps = new Map<string, Found | undefined>();
  const mapOf = (url: string): Found | undefined => {
    if (!maps.has(url)) maps.set(url, findSourceMap(url));
    return maps.get(url);
  };
  return { ...profile, nodes: profile.nodes.map((node) => atSource(node, mapOf)) };
}

function atSource(node: ProfileNode, mapOf: (url: string) => Found | undefined): ProfileNode {
  const { callFrame, positionTicks } = node;
  const map = callFrame.url === '' ? undefined : mapOf(callFrame.url);
  if (map === undefined) return node;
  const place = placeOf(map, callFrame.lineNumber, callFrame.columnNumber);
  if (place === undefined) return node;
  return {
    ...node,
    callFrame: {
      ...callFrame,
      functionName: nameAt(map, place, callFrame.functionName),
      url: place.source,
      lineNumber: place.line,
      columnNumber: place.column,
    },
    ...(positionTicks === undefined ? {} : { positionTicks: ticksAt(map, place, positionTicks) }),
  };
}

/** Undefined where there is no map, or nothing of the source is there. */
export function placeAt(
  findSourceMap: FindSourceMap,
  url: string,
  line: number,
  column: number,
): Place | undefined {
  const map = findSourceMap(url);
  return map && placeOf(map, line, column);
}

function placeOf(map: Found, line: number, column: number): Place | undefined {
  const entry = map.findEntry(line, column);
  if (!('originalSource' in entry) || entry.originalSource === undefined) return undefined;
  return {
    source: entry.originalSource,
    line: entry.originalLine,
    column: entry.originalColumn,
  };
}

/** A bundler tells functions of the same name apart by a number that their authors never saw. */
function nameAt(map: Found, { source, line }: Place, name: string): string {
  const written = name.replace(/\$\d+$/, '');
  if (written === name) return name;
  const { sources, sourcesContent } = map.payload;
  // Payloads may lack it, whatever their type says.
  const text = (sourcesContent as readonly (string | null)[] | undefined)?.[
    sources.indexOf(source)
  ];
  const there = text?.split('\n')[line];
  return there === undefined || there.includes(name) ? name : written;
}

/** A line of the bundle has something of one line of the source, seldom of two. */
function ticksAt(map: Found, place: Place, ticks: readonly PositionTick[]): PositionTick[] {
  const byLine = new Map<number, number>();
  for (const { line, ticks: count } of ticks) {
    const at = placeOf(map, line - 1, Number.MAX_SAFE_INTEGER);
    const original = at?.source === place.source ? at.line + 1 : place.line + 1;
    byLine.set(original, (byLine.get(original) ?? 0) + count);
  }
  return [...byLine].map(([line, count]) => ({ line, ticks: count }));
}
