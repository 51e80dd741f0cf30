/** Exit codes of the command line, as `--help` documents them. */
export const ExitCode = {
  success: 0,
  /** The job failed, could not be built or submitted, or the command line is wrong. */
  failure: 1,
  /** Ended by Ctrl-C: 128 + SIGINT. */
  interrupted: 130,
  /** Nobody reads what the job prints: 128 + SIGPIPE. */
  unread: 141,
  /** Ended by SIGTERM: 128 + SIGTERM. */
  terminated: 143,
} as const;

export const EXIT_CODES_HELP: readonly (readonly [number, string])[] = [
  [ExitCode.success, 'the job has finished'],
  [ExitCode.failure, 'the job failed, or the command, the job file or an option is wrong'],
  [ExitCode.interrupted, 'the job was cancelled by Ctrl-C'],
  [ExitCode.unread, 'the job was cancelled because nobody reads what it prints any more'],
  [ExitCode.terminated, 'the job was cancelled by SIGTERM'],
];
