/** File systems of this machine, for tests of what keeps files in them. */
import fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeDisk } from '../src/env/node/disk.ts';
import { nodeRandom } from '../src/env/node/random.ts';
import { FileSystems } from '../src/storage/file-systems.ts';

/** With a folder that is gone at the end. */
export async function withFolder(
  body: (fileSystems: FileSystems, folder: string) => Promise<void>,
): Promise<void> {
  const folder = (await fs.mkdtemp(join(tmpdir(), 'millrace-storage-'))).replaceAll('\\', '/');
  try {
    await body(FileSystems.create({ disk: nodeDisk(), random: nodeRandom() }), folder);
  } finally {
    await fs.rm(folder, { recursive: true });
  }
}
