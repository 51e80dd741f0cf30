/** How many times as many events per CPU-second as Flink each query is meant to get through. */

const USUAL = 2;
const TARGETS: Readonly<Record<string, number>> = { 'json-pass': 4, 'json-count': 4 };

export function targetOf(name: string): number {
  return TARGETS[name] ?? USUAL;
}
