/** Where inputs, outputs, logs and Flink itself are kept between runs; not in git. */
import { join } from 'node:path';

export const CACHE: string = join(import.meta.dirname, '..', '.cache');
