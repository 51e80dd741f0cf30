/** The client's side of an upload over RPC. */
import { sha256Hex } from '../base/sha256.ts';
import { BLOB_CHUNK_BYTES, BLOBS, blobService } from '../protocol/blob-service.ts';
import type { RpcConnection } from '../rpc/rpc-connection.ts';

/**
 * Brings a blob to the JobManager at the other end; it stays there until the connection is closed,
 * and beyond that for the jobs that were submitted with it. @param upload names it, once for a
 * connection @returns its hash @throws EngineError BLOB_*, RPC_*
 */
export async function uploadBlob(
  connection: RpcConnection,
  upload: string,
  bytes: Uint8Array,
): Promise<string> {
  const blobs = connection.gateway(blobService, BLOBS, '');
  for (let offset = 0; offset === 0 || offset < bytes.length; offset += BLOB_CHUNK_BYTES) {
    const chunk = bytes.subarray(offset, offset + BLOB_CHUNK_BYTES);
    await blobs.putChunk({ upload, offset, bytes: chunk });
  }
  const hash = sha256Hex(bytes);
  await blobs.finish({ upload, size: bytes.length, hash });
  return hash;
}
