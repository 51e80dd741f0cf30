/**
 * The secret and the certificates of a cluster as files, made once for all its machines, and the
 * lines of the configuration that name them.
 *
 * Z1. What is there is never replaced, unless certificates are renewed, which keeps secret and
 *     authority.
 * Z2. Secrets and keys can be read by their owner alone, from their first byte on.
 */
import { EngineError } from '../base/errors.ts';
import { SecurityOptions } from '../config/options/security-options.ts';
import type { CertificateMaker, Certified } from '../env/certificate-maker.ts';
import type { Env } from '../env/env.ts';
import { readWhole, writeAtomically, writeOnce } from '../ha/atomic-file.ts';

const SECRET_BYTES = 32;
/** The authority outlives several generations of certificates. */
const AUTHORITY_DAYS = 3650;

export interface SecurityFilesOptions {
  readonly env: Pick<Env, 'disk' | 'random'>;
  readonly maker: CertificateMaker;
  readonly folder: string;
  /** Names and addresses under which processes and the REST interface are reached. */
  readonly hosts: readonly string[];
  readonly validDays: number;
  /** New certificates of the authority that is there. */
  readonly renew: boolean;
}

export interface SecurityFiles {
  /** What was written, by path. */
  readonly written: readonly { readonly path: string; readonly what: string }[];
  /** Keys of the configuration and what they are to be, for every process of the cluster. */
  readonly configuration: Readonly<Record<string, string>>;
  /** For those who only are clients of the REST interface. */
  readonly clientConfiguration: Readonly<Record<string, string>>;
}

const NAMES = {
  secret: 'cluster-secret',
  authority: 'ca.pem',
  authorityKey: 'ca.key',
  node: 'node.pem',
  nodeKey: 'node.key',
  rest: 'rest.pem',
  restKey: 'rest.key',
  client: 'client.pem',
  clientKey: 'client.key',
} as const;

type Name = keyof typeof NAMES;

const WHAT: Readonly<Record<Name, string>> = {
  secret: 'by which the processes of the cluster know each other',
  authority: 'certificate of the authority',
  authorityKey: 'its key: stays here, and makes new certificates',
  node: 'certificate of the processes',
  nodeKey: 'its key',
  rest: 'certificate of the REST interface',
  restKey: 'its key',
  client: 'certificate of clients, where the REST interface wants one',
  clientKey: 'its key',
};

/** @throws EngineError SECURITY_FILES_EXIST, SECURITY_FILES_MISSING, IO_* */
export async function makeSecurityFiles(options: SecurityFilesOptions): Promise<SecurityFiles> {
  const { env, maker, renew } = options;
  const folder = env.disk.resolve(options.folder);
  const path = (name: Name): string => `${folder}/${NAMES[name]}`;
  const authority = renew ? await authorityIn(env, path) : await newAuthority(env, maker, folder);
  const issue = (whom: string, hosts: readonly string[]): Certified =>
    maker.issueCertificate(authority, {
      ...{ name: `millrace ${whom}`, hosts, validDays: options.validDays },
    });
  const [node, rest, client] = [
    issue('node', options.hosts),
    issue('rest', options.hosts),
    issue('client', []),
  ];
  const contents = new Map<Name, string>([
    ['node', node.certificate],
    ['nodeKey', node.key],
    ['rest', rest.certificate],
    ['restKey', rest.key],
    ['client', client.certificate],
    ['clientKey', client.key],
  ]);
  if (!renew) {
    const secret = Buffer.from(env.random.bytes(SECRET_BYTES)).toString('hex');
    contents.set('secret', `${secret}\n`);
    contents.set('authority', authority.certificate);
    contents.set('authorityKey', authority.key);
  }
  for (const [name, text] of contents) {
    const place = { folder, name: NAMES[name] };
    const content = new TextEncoder().encode(text);
    if (renew) await writeAtomically(env, place, content, 'private');
    else if (!(await writeOnce(env, place, content, 'private'))) throw exists(folder, [name]);
  }
  return { ...configurations(path), written: listed(contents.keys(), path) };
}

function listed(names: Iterable<Name>, path: (name: Name) => string): SecurityFiles['written'] {
  const written = new Set(names);
  return (Object.keys(NAMES) as Name[])
    .filter((name) => written.has(name))
    .map((name) => ({ path: path(name), what: WHAT[name] }));
}

function configurations(path: (name: Name) => string): Omit<SecurityFiles, 'written'> {
  const { internalTls, internalCertificate, internalKey, internalAuthority } = SecurityOptions;
  const { restTls, restCertificate, restKey, restAuthority, secretFile } = SecurityOptions;
  return {
    configuration: {
      [secretFile.key]: path('secret'),
      [internalTls.key]: 'true',
      [internalCertificate.key]: path('node'),
      [internalKey.key]: path('nodeKey'),
      [internalAuthority.key]: path('authority'),
      [restTls.key]: 'true',
      [restCertificate.key]: path('rest'),
      [restKey.key]: path('restKey'),
      [restAuthority.key]: path('authority'),
    },
    clientConfiguration: {
      [restTls.key]: 'true',
      [restCertificate.key]: path('client'),
      [restKey.key]: path('clientKey'),
      [restAuthority.key]: path('authority'),
    },
  };
}

/** Z1. */
async function newAuthority(
  { disk }: Pick<Env, 'disk'>,
  maker: CertificateMaker,
  folder: string,
): Promise<Certified> {
  await disk.makeDirectory(folder, 'private');
  const there = new Set((await disk.list(folder)).map(({ name }) => name));
  const taken = (Object.keys(NAMES) as Name[]).filter((name) => there.has(NAMES[name]));
  if (taken.length > 0) throw exists(folder, taken);
  return maker.createAuthority({ name: 'millrace authority', validDays: AUTHORITY_DAYS });
}

async function authorityIn(
  env: Pick<Env, 'disk'>,
  path: (name: Name) => string,
): Promise<Certified> {
  const read = async (name: Name): Promise<string> => {
    const content = await readWhole(env, path(name));
    if (content !== undefined) return new TextDecoder().decode(content);
    throw new EngineError('SECURITY_FILES_MISSING', { path: path(name) });
  };
  return { certificate: await read('authority'), key: await read('authorityKey') };
}

function exists(folder: string, names: readonly Name[]): EngineError {
  const files = names.map((name) => NAMES[name]).join(', ');
  return new EngineError('SECURITY_FILES_EXIST', { folder, files });
}
