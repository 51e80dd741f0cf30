/** URLs of files, made of the absolute paths that `Disk.resolve` gives: `/` between names. */

/** @example fileUrl('/jobs/a b.ts') // file:///jobs/a%20b.ts */
export function fileUrl(path: string): string {
  const names = path.split('/').map(encodeURIComponent).join('/');
  // A path of Windows begins with its drive, `C:`, whose colon stays.
  return /^[A-Za-z]%3A\//.test(names) ? `file:///${names.replace('%3A', ':')}` : `file://${names}`;
}
