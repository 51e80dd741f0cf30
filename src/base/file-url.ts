/** URLs of files and the absolute paths of `Disk.resolve`, which have `/` between names. */

/** @example fileUrl('/jobs/a b.ts') // file:///jobs/a%20b.ts */
export function fileUrl(path: string): string {
  const names = path.split('/').map(encodeURIComponent).join('/');
  // A path of Windows begins with its drive, `C:`, whose colon stays.
  return /^[A-Za-z]%3A\//.test(names) ? `file:///${names.replace('%3A', ':')}` : `file://${names}`;
}

/** @example pathOfFileUrl('file:///jobs/a%20b.ts') // /jobs/a b.ts */
export function pathOfFileUrl(url: string): string {
  const path = decodeURIComponent(url.slice('file://'.length));
  return /^\/[A-Za-z]:\//.test(path) ? path.slice(1) : path;
}
