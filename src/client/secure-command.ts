/** `millrace secure init`: makes the secret and the certificates of a cluster. */
import { didYouMean } from '../base/did-you-mean.ts';
import { EngineError } from '../base/errors.ts';
import { makeSecurityFiles, type SecurityFiles } from '../deploy/security-files.ts';
import type { ParsedArguments } from './arguments.ts';
import type { CommandEnv } from './command-env.ts';
import { ExitCode } from './exit-codes.ts';

const DEFAULT_FOLDER = 'millrace-security';
const DEFAULT_DAYS = 365;
const MOST_DAYS = 3650;
/** So that clients on the machine itself find the right name in the certificate. */
const THIS_MACHINE = ['localhost', '127.0.0.1', '::1'];
const HOST = /^[A-Za-z0-9_.:-]{1,253}$/;

export async function secureCommand(env: CommandEnv, args: ParsedArguments): Promise<number> {
  const [action = ''] = args.positionals;
  if (action !== 'init') {
    throw new EngineError('CLI_UNKNOWN_ACTION', {
      ...{ name: action, command: 'secure' },
      suggestion: didYouMean(action, ['init']),
      known: 'init',
    });
  }
  const made = await makeSecurityFiles({
    env,
    maker: await env.loadCertificates(),
    folder: args.value('out') ?? DEFAULT_FOLDER,
    hosts: hostsOf(env, args),
    validDays: daysOf(args),
    renew: args.has('renew'),
  });
  const { stdout } = env.terminal;
  stdout.write(args.has('json') ? `${JSON.stringify(made)}\n` : text(made, args.has('renew')));
  await stdout.flush();
  return ExitCode.success;
}

function hostsOf(env: CommandEnv, args: ParsedArguments): readonly string[] {
  const given = args.values('host');
  const wrong = given.find((host) => !HOST.test(host));
  if (wrong !== undefined) throw invalid('--host', wrong, 'a host name or an address');
  const hosts = given.length > 0 ? given : [env.machine.hostName];
  return [...new Set([...hosts, ...THIS_MACHINE])];
}

function daysOf(args: ParsedArguments): number {
  const given = args.value('days');
  if (given === undefined) return DEFAULT_DAYS;
  const days = Number(given);
  if (/^\d+$/.test(given) && days >= 1 && days <= MOST_DAYS) return days;
  throw invalid('--days', given, `a number of days from 1 to ${MOST_DAYS}`);
}

function invalid(option: string, value: string, expected: string): EngineError {
  return new EngineError('CLI_VALUE_INVALID', { option, value, expected });
}

function text(
  { written, configuration, clientConfiguration }: SecurityFiles,
  renewed: boolean,
): string {
  const width = Math.max(...written.map(({ path }) => path.length));
  const files = written.map(({ path, what }) => `  ${path.padEnd(width)}  ${what}`);
  if (renewed) {
    return `Renewed:\n${files.join('\n')}\n\nProcesses take them when they are started again.\n`;
  }
  return [
    'Made, for their owner alone to read:',
    ...files,
    '',
    'Copy all but ca.key to the same place on every machine of the cluster, and set there:',
    '',
    ...yaml(configuration),
    '',
    'Clients on other machines need the client and ca files, the token of the cluster, and:',
    '',
    ...yaml(clientConfiguration),
    '',
    'With security.ssl.rest.authentication-enabled: true the REST interface wants their certificate, too.',
    '',
  ].join('\n');
}

function yaml(settings: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(settings).map(([key, value]) => {
    const isPlain = /^[\w./-]+$/.test(value);
    return `${key}: ${isPlain ? value : JSON.stringify(value)}`;
  });
}
