/** Writes a file of the user: what is there is replaced. */
import type { Disk } from '../env/env.ts';

/** @throws EngineError IO_* */
export async function writeFile(disk: Disk, path: string, content: Uint8Array): Promise<void> {
  const file = await disk.open(path, 'write');
  try {
    await file.write(content, 0);
  } finally {
    await file.close();
  }
}
