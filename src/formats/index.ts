/** The public subpath `millrace/formats`: how the lines of files become records, and back. */
export { csv } from './csv/csv.ts';
export type { CsvOptions } from './csv/csv-options.ts';
export { json } from './json/json.ts';
export type { JsonOptions } from './json/json.ts';
export { text } from './text/text.ts';
export type { LineDecoder, LineEncoder, LineFormat, LineHandler, LineProblem } from './format.ts';
export type { RecordOrigins } from '../functions/record-origins.ts';
