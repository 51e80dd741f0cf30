/** The contract of file systems, which sinks see as well, for who implements and uses it here. */
export type {
  FileEntry,
  FileInput,
  FileOutput,
  FileStatus,
  FileSystem,
  IncompleteFiles,
  OpenOptions,
  RecoverableOutput,
  RecoverableWriter,
} from '../functions/file-system.ts';
