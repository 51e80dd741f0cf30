/** `millrace bundle`: writes what `run` uploads to a cluster into a file, for `/jars/upload`. */
import { PipelineOptions } from '../config/options/pipeline-options.ts';
import { bundleJob } from './bundle/bundle-job.ts';
import type { ParsedArguments } from './arguments.ts';
import type { Program } from './cli.ts';
import type { CommandEnv } from './command-env.ts';
import { ExitCode } from './exit-codes.ts';
import { jobArguments } from './job-arguments.ts';
import { writeFile } from './write-file.ts';

export async function bundleCommand(
  env: CommandEnv,
  args: ParsedArguments,
  { version }: Program,
): Promise<number> {
  const { configuration, job } = await jobArguments(env, args);
  const { disk } = env;
  const { bytes, hash } = await bundleJob({
    ...{ disk, moduleUrl: job.moduleUrl, engine: version },
    externals: configuration.get(PipelineOptions.externals),
  });
  const source = job.moduleUrl.slice(job.moduleUrl.lastIndexOf('/') + 1);
  const path = disk.resolve(args.value('output') ?? `${decodeURIComponent(source)}.mjs`);
  await writeFile(disk, path, bytes);
  const { stdout } = env.terminal;
  if (args.has('json')) {
    stdout.write(`${JSON.stringify({ path, bytes: bytes.length, sha256: hash })}\n`);
  } else stdout.write(`${path}: ${bytes.length} bytes, sha256 ${hash}\n`);
  await stdout.flush();
  return ExitCode.success;
}
