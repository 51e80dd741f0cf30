/**
 * Values of a schema from JSON text by way of JSON.parse: the meaning of every line, which the
 * generated parser must meet, and what reads the lines that it leaves. Beyond the JSON form of
 * `types/to-json.ts` it takes int64 and decimals as numbers, exact in every digit, and timestamps
 * as text with their zone.
 *
 * VR1. `#text` is what was parsed while the value is being read, and nothing else.
 */
import { isEngineError } from '../../base/errors.ts';
import { decimal, decimalDigits } from '../../types/decimal.ts';
import type { FromJson, Place } from '../../types/from-json.ts';
import { fromJsonOf, malformed, wrong } from '../../types/from-json.ts';
import { nameOf } from '../../types/problem.ts';
import type { DecimalDescription, SchemaDescription } from '../../types/schema-description.ts';
import type { Schema } from '../../types/schema.ts';
import { validatorOf } from '../../types/standard-schema.ts';
import { isoTimestamp, TIMESTAMP_FORMS } from '../../base/iso-timestamp.ts';
import type { Step } from './json-cursor.ts';
import { locateValue } from './json-cursor.ts';
import { parseJson } from './parse-json.ts';
import { exactDecimalText } from '../number-text.ts';

export class JsonValueReader {
  readonly #read: FromJson;
  #text = '';

  constructor(description: SchemaDescription) {
    this.#read = fromJsonOf(description, (kind) => this.#exact(kind));
  }

  /** @throws SyntaxError as JSON.parse, EngineError DATA_MALFORMED if the value does not fit. */
  read(text: string): unknown {
    const value = parseJson(text);
    this.#text = text;
    return this.#read(value, undefined, undefined);
  }

  #exact(description: SchemaDescription): FromJson | undefined {
    switch (description.kind) {
      case 'int64':
        return (json, above, step) => this.#int64(json, { above, step });
      case 'decimal':
        return this.#decimal(description);
      case 'timestamp':
        return timestampFromJson;
      default:
        return undefined;
    }
  }

  #int64(json: unknown, place: Place): bigint {
    const digits =
      typeof json === 'number' && !Number.isSafeInteger(json) ? this.#token(place) : json;
    if (typeof digits === 'string' ? /^-?\d{1,20}$/.test(digits) : Number.isSafeInteger(digits)) {
      const value = BigInt(digits as string | number);
      if (BigInt.asIntN(64, value) === value) return value;
    }
    const wanted = 'a whole number of 64 bits';
    const reason =
      typeof json === 'number'
        ? `it is the number ${shortened(digits)}, not ${wanted}`
        : wrong(json, wanted);
    return malformed(place.above, place.step, reason);
  }

  #decimal(description: DecimalDescription): FromJson {
    const { precision, scale } = description;
    const wanted = nameOf(description);
    return (json, above, step) => {
      const text = typeof json === 'number' ? exactDecimalText(this.#token({ above, step })) : json;
      const value = typeof text === 'string' ? decimalOf(text, scale) : undefined;
      if (decimalDigits(value, precision, scale) !== undefined) return value;
      return malformed(above, step, wrong(json, wanted));
    };
  }

  /** The number as it stands in the text, of which JSON.parse may have lost digits. */
  #token(place: Place): string {
    const { start, end } = locateValue(this.#text, stepsOf(place))!;
    return this.#text.slice(start, end);
  }
}

/** What a format reads lines with: by the description, or by the validation of `fromStandard`. */
export function jsonReaderOf(schema: Schema<unknown>): (text: string) => unknown {
  const validate = validatorOf(schema);
  if (validate !== undefined) return (text) => validate(parseJson(text));
  const reader = new JsonValueReader(schema.description);
  return (text) => reader.read(text);
}

const timestampFromJson: FromJson = (json, above, step) => {
  const at = typeof json === 'string' ? isoTimestamp(json) : json;
  if (Number.isSafeInteger(at)) return (at as number) + 0;
  return malformed(above, step, wrong(json, TIMESTAMP_FORMS));
};

function shortened(digits: unknown): string {
  const text = String(digits);
  return text.length > 40 ? `${text.slice(0, 40)}...` : text;
}

function decimalOf(text: string, scale: number): string | undefined {
  try {
    return decimal(text, scale);
  } catch (thrown) {
    if (isEngineError(thrown, 'DATA_INVALID_DECIMAL')) {
      return undefined;
    }
    throw thrown;
  }
}

function stepsOf(place: Place): Step[] {
  const steps: Step[] = [];
  for (let at: Place | undefined = place; at !== undefined; at = at.above) {
    if (at.step !== undefined) steps.unshift(at.step);
  }
  return steps;
}
