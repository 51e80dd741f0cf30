/** Reads small files of text as a whole. */
import type { Disk } from '../env/env.ts';

/** At most `maxBytes` of it. @throws EngineError IO_* */
export async function readTextFile(
  disk: Pick<Disk, 'open'>,
  path: string,
  maxBytes: number,
): Promise<string> {
  const file = await disk.open(path, 'read');
  try {
    const bytes = new Uint8Array(Math.min(await file.size(), maxBytes));
    let length = 0;
    while (length < bytes.length) {
      const read = await file.read(bytes.subarray(length), length);
      if (read === 0) break;
      length += read;
    }
    return new TextDecoder().decode(bytes.subarray(0, length));
  } finally {
    await file.close();
  }
}
