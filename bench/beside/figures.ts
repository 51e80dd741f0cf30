/** Single figures of both systems, beside those of queries. */
import type { Spread } from './ratio.ts';

export interface Figure {
  readonly name: string;
  readonly about: string;
  readonly unit: 'ms' | 's' | 'MB' | 'MB/s';
  readonly ours: Spread;
  readonly flink: Spread;
}
