/**
 * Texts of which nobody knows how long they are, such as the messages of errors that users throw,
 * cut to what can be sent, kept and read. What was cut is not cut again.
 */

/** The beginning of `text`, and a mark if that is not all; never longer than `limit`. */
export function cutText(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const mark = markOf(text);
  return `${text.slice(0, wholeUntil(text, Math.max(0, limit - mark.length)))}${mark}`;
}

/** The beginning and the end of `text`: a stack has the message first and the frames after it. */
export function cutMiddle(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const mark = `${markOf(text)}\n`;
  const half = Math.max(0, Math.floor((limit - mark.length) / 2));
  const end = half === 0 ? '' : text.slice(wholeUntil(text, text.length - half));
  return `${text.slice(0, wholeUntil(text, half))}${mark}${end}`;
}

function markOf(text: string): string {
  return `... (cut, ${text.length} characters)`;
}

/** `at`, or one less where that would part a surrogate pair. */
function wholeUntil(text: string, at: number): number {
  const last = text.charCodeAt(at - 1);
  return last >= 0xd800 && last < 0xdc00 ? at - 1 : at;
}
