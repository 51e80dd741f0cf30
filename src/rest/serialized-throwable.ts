/**
 * Flink's Java clients read the cause of a failed operation as a Java-serialised
 * `SerializedThrowable` and print its text. This writes such an object: the class with its
 * superclasses as Java describes them, and three texts of ours.
 */

/** Stream header, class `SerializedThrowable`, its superclasses, and a cause that is null. */
const BEFORE_MESSAGE =
  'aced000573720029' +
  ascii('org.apache.flink.util.SerializedThrowable') +
  '65169df51fa713f3' +
  '0200034c0019' +
  ascii('fullStringifiedStackTrace') +
  '740012' +
  ascii('Ljava/lang/String;') +
  '4c0016' +
  ascii('originalErrorClassName') +
  '71007e00015b0013' +
  ascii('serializedException') +
  '7400025b4278720013' +
  ascii('java.lang.Exception') +
  'd0fd1f3e1a3b1cc40200007872' +
  '0013' +
  ascii('java.lang.Throwable') +
  'd5c635273977b8cb0300044c0005' +
  ascii('cause') +
  '740015' +
  ascii('Ljava/lang/Throwable;') +
  '4c000d' +
  ascii('detailMessage') +
  '71007e00015b000a' +
  ascii('stackTrace') +
  '74001e' +
  ascii('[Ljava/lang/StackTraceElement;') +
  '4c0014' +
  ascii('suppressedExceptions') +
  '740010' +
  ascii('Ljava/util/List;') +
  '787070';

/** An empty stack, no suppressed exceptions, the end of what Throwable writes. */
const AFTER_MESSAGE =
  '7572001e' +
  ascii('[Ljava.lang.StackTraceElement;') +
  '02462a3c3cfd22390200007870000000007372001f' +
  ascii('java.util.Collections$EmptyList') +
  '7ab817b43ca79ede020000787078';

/** No serialised exception beside the texts. */
const END = '70';

/** Base64, as JSON carries it. */
export function serializedThrowable(className: string, message: string, stack: string): string {
  const bytes = [
    ...bytesOf(BEFORE_MESSAGE),
    ...javaText(message),
    ...bytesOf(AFTER_MESSAGE),
    ...javaText(stack),
    ...javaText(className),
    ...bytesOf(END),
  ];
  return Buffer.from(bytes).toString('base64');
}

/** A string of Java's: a mark, its length in 2 or 8 bytes, and its modified UTF-8. */
function javaText(text: string): readonly number[] {
  const bytes: number[] = [];
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x01 && unit <= 0x7f) bytes.push(unit);
    else if (unit <= 0x7ff) bytes.push(0xc0 | (unit >> 6), 0x80 | (unit & 0x3f));
    else bytes.push(0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f));
  }
  const { length } = bytes;
  if (length <= 0xffff) return [0x74, length >> 8, length & 0xff, ...bytes];
  const size = [24, 16, 8, 0].map((shift) => (length >>> shift) & 0xff);
  return [0x7c, 0, 0, 0, 0, ...size, ...bytes];
}

function ascii(text: string): string {
  return Array.from(text, (c) => c.charCodeAt(0).toString(16).padStart(2, '0')).join('');
}

function bytesOf(hex: string): readonly number[] {
  return hex.match(/../g)!.map((digits) => parseInt(digits, 16));
}
