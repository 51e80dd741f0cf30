/** Keys of objects that hold a part of another one, beside it, by a name that says so. */
import { temporaryName } from '../temporary-name.ts';

/** @example temporaryKey('out/part-0', 'ab12') // out/.writing-part-0-ab12 */
export function temporaryKey(key: string, id: string): string {
  const at = key.lastIndexOf('/') + 1;
  return key.slice(0, at) + temporaryName(key.slice(at), id);
}
