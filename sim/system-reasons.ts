/** Why things fail in the simulated world, in the words of the real environment. */
export const REASONS = {
  portTaken: 'the port is taken by another process (EADDRINUSE)',
  noAddress: 'this machine does not have that address (EADDRNOTAVAIL)',
  refused: 'nobody listens there (ECONNREFUSED)',
  reset: 'the other side broke off the connection (ECONNRESET)',
  timedOut: 'no answer came (ETIMEDOUT)',
  noHost: 'there is no host of that name (ENOTFOUND)',
  brokenOff: 'this side broke off the connection',
  notForWriting: 'the file was opened for something else (EBADF)',
  device: 'the device failed (EIO)',
  folder: 'it is a folder (EISDIR)',
  notFolder: 'a part of the path is not a folder (ENOTDIR)',
  notEmpty: 'the folder is not empty (ENOTEMPTY)',
  invalid: 'it does not support this (EINVAL)',
  otherDisk: 'the two paths are on different file systems (EXDEV)',
  syncFailed: 'an earlier sync of it failed, so that its content is unknown',
} as const;
