/**
 * Accumulators as Flink's clients in Java read them: `OptionalFailure.of(value)`, in the form of
 * Java's object serialization, as base64. No more of that form is written, and nothing is read.
 */
import { ByteWriter } from '../../base/byte-writer.ts';

const STREAM_HEADER = [0xac, 0xed, 0x00, 0x05];
const NULL = 0x70;
const CLASS = 0x72;
const OBJECT = 0x73;
const END = 0x78;
const SERIALIZABLE = 0x02;
const WRITES_MORE = 0x03;

interface JavaClass {
  readonly name: string;
  /** `serialVersionUID`. */
  readonly uid: bigint;
  readonly flags: number;
  readonly field?: string;
  readonly above?: JavaClass;
}

const FAILURE_CAUSE = 'Ljava/lang/Throwable;';
const OPTIONAL_FAILURE: JavaClass = {
  name: 'org.apache.flink.util.OptionalFailure',
  uid: 1n,
  flags: WRITES_MORE,
  field: 'LfailureCause',
};
const NUMBER: JavaClass = {
  name: 'java.lang.Number',
  uid: -8742448824652078965n,
  flags: SERIALIZABLE,
};
const LONG: JavaClass = {
  ...{ name: 'java.lang.Long', uid: 4290774380558885855n, flags: SERIALIZABLE },
  field: 'Jvalue',
  above: NUMBER,
};
const DOUBLE: JavaClass = {
  ...{ name: 'java.lang.Double', uid: -9172774392245257468n, flags: SERIALIZABLE },
  field: 'Dvalue',
  above: NUMBER,
};

/** A Long, or a Double where it is no whole number. */
export function javaAccumulator(value: number): string {
  const out = new ByteWriter(256);
  for (const byte of STREAM_HEADER) out.uint8(byte);
  out.uint8(OBJECT);
  writeClass(OPTIONAL_FAILURE, out);
  // No failure, then what the class writes itself.
  out.uint8(NULL);
  out.uint8(OBJECT);
  const isLong = Number.isSafeInteger(value);
  writeClass(isLong ? LONG : DOUBLE, out);
  const bytes = new DataView(new ArrayBuffer(8));
  if (isLong) bytes.setBigInt64(0, BigInt(value));
  else bytes.setFloat64(0, value);
  for (let at = 0; at < 8; at += 1) out.uint8(bytes.getUint8(at));
  out.uint8(END);
  return Buffer.from(out.bytes.subarray(0, out.position)).toString('base64');
}

function writeClass({ name, uid, flags, field, above }: JavaClass, out: ByteWriter): void {
  out.uint8(CLASS);
  writeText(name, out);
  const bytes = new DataView(new ArrayBuffer(8));
  bytes.setBigInt64(0, uid);
  for (let at = 0; at < 8; at += 1) out.uint8(bytes.getUint8(at));
  out.uint8(flags);
  writeLength(field === undefined ? 0 : 1, out);
  if (field !== undefined) {
    out.uint8(field.charCodeAt(0));
    writeText(field.slice(1), out);
    if (field.startsWith('L')) {
      out.uint8(0x74);
      writeText(FAILURE_CAUSE, out);
    }
  }
  out.uint8(END);
  if (above === undefined) out.uint8(NULL);
  else writeClass(above, out);
}

/** Of ASCII. */
function writeText(text: string, out: ByteWriter): void {
  writeLength(text.length, out);
  for (let at = 0; at < text.length; at += 1) out.uint8(text.charCodeAt(at));
}

function writeLength(length: number, out: ByteWriter): void {
  out.uint8(length >> 8);
  out.uint8(length & 0xff);
}
