/**
 * Takes secrets out of a text that others will see, in a log or an answer: passwords in URLs,
 * credentials of HTTP, and what follows words such as `token=`. The patterns are bounded, so that
 * no text, however made, takes more time than its length.
 */

/** What is shown in place of a secret, as in Flink. */
export const MASK = '******';

const URL_CREDENTIALS = /\b([a-z][a-z0-9+.-]{0,30}:\/\/)[^\s/@:"'<>]{1,256}:[^\s/@"'<>]{0,1024}@/gi;
const HTTP_CREDENTIALS = /\b(Bearer|Basic)\s{1,8}[A-Za-z0-9._~+/=-]{8,4096}/gi;
const WORDS =
  'password|passwd|passphrase|secret|token|api[-_]?key|access[-_]?key|credential|\\bpwd|\\bsig';
const VALUE = `"[^"\\n]{0,4096}"?|'[^'\\n]{0,4096}'?|[^\\s&;,"'}\\])]{1,4096}`;
const ASSIGNMENTS = new RegExp(`(${WORDS})(["']?\\s{0,8}[=:]\\s{0,8})(${VALUE})`, 'gi');

/** @example redactText('jdbc:postgresql://u:p@db/x') // 'jdbc:postgresql://******@db/x' */
export function redactText(text: string): string {
  return text
    .replace(URL_CREDENTIALS, `$1${MASK}@`)
    .replace(HTTP_CREDENTIALS, `$1 ${MASK}`)
    .replace(
      ASSIGNMENTS,
      (_whole, word: string, sign: string, value: string) => `${word}${sign}${masked(value)}`,
    );
}

function masked(value: string): string {
  const quote = /^["']/.exec(value)?.[0] ?? '';
  return `${quote}${MASK}${quote}`;
}
