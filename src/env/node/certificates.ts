/**
 * A small authority and certificates of it, for the processes of one cluster: ECDSA over P-256, as
 * PEM. Keys and signatures are those of node:crypto, which has no way to write certificates.
 */
import type { KeyObject } from 'node:crypto';
import { assert } from '../../base/assert.ts';
import type { CertificateMaker, CertificateRequest, Certified } from '../certificate-maker.ts';
import * as der from './der.ts';

const DAY_MILLISECONDS = 86_400_000;
/** Clocks of other machines may be behind. */
const BACKDATED_MILLISECONDS = 3_600_000;
const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';
const COMMON_NAME = '2.5.4.3';
const KEY_CERT_SIGN_AND_CRL_SIGN = Uint8Array.of(0x06);
const DIGITAL_SIGNATURE = Uint8Array.of(0x80);
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

/** An authority that vouches for certificates, and for no other authority. */
export function createAuthority(request: Omit<CertificateRequest, 'hosts'>): Certified {
  const { publicKey, privateKey } = newKeys();
  const extensions = [
    extension('2.5.29.19', true, der.sequence(der.boolean(true), der.integer(Uint8Array.of(0)))),
    extension('2.5.29.15', true, der.bits(KEY_CERT_SIGN_AND_CRL_SIGN, 1)),
    extension('2.5.29.14', false, der.octets(keyIdentifier(publicKey))),
  ];
  const issuer = { name: request.name, key: privateKey };
  return { certificate: sign({ request, publicKey, issuer, extensions }), key: pemOf(privateKey) };
}

/**
 * A certificate of an authority that `createAuthority` has made, fit for both sides of a
 * connection.
 */
export function issueCertificate(authority: Certified, request: CertificateRequest): Certified {
  const { X509Certificate, createPrivateKey } = process.getBuiltinModule('node:crypto');
  const root = new X509Certificate(authority.certificate);
  const { publicKey, privateKey } = newKeys();
  const usages = der.sequence(der.oid(SERVER_AUTH), der.oid(CLIENT_AUTH));
  const issuerKey = der.sequence(der.implicit(0, keyIdentifier(root.publicKey)));
  const extensions = [
    extension('2.5.29.19', true, der.sequence()),
    extension('2.5.29.15', true, der.bits(DIGITAL_SIGNATURE, 7)),
    extension('2.5.29.37', false, usages),
    extension('2.5.29.14', false, der.octets(keyIdentifier(publicKey))),
    extension('2.5.29.35', false, issuerKey),
    ...(request.hosts.length === 0
      ? []
      : [extension('2.5.29.17', false, der.sequence(...request.hosts.map(alternativeName)))]),
  ];
  const name = /^CN=(.*)$/.exec(root.subject)?.[1] ?? '';
  const issuer = { name, key: createPrivateKey(authority.key) };
  const certificate = sign({ request, publicKey, issuer, extensions });
  const made = new X509Certificate(certificate);
  const isIssued = made.checkIssued(root) && made.verify(root.publicKey);
  assert(isIssued, 'a certificate is of the authority that was given');
  return { certificate, key: pemOf(privateKey) };
}

export const nodeCertificates: CertificateMaker = { createAuthority, issueCertificate };

interface Signing {
  readonly request: Omit<CertificateRequest, 'hosts'>;
  readonly publicKey: KeyObject;
  readonly issuer: { readonly name: string; readonly key: KeyObject };
  readonly extensions: readonly Uint8Array[];
}

function sign({ request, publicKey, issuer, extensions }: Signing): string {
  const crypto = process.getBuiltinModule('node:crypto');
  const start = (request.from ?? new Date()).getTime();
  const algorithm = der.sequence(der.oid(ECDSA_WITH_SHA256));
  const serial = crypto.randomBytes(16);
  // Neither zero nor negative.
  serial[0] = (serial[0]! & 0x7f) | 0x40;
  const content = der.sequence(
    der.explicit(0, der.integer(Uint8Array.of(2))),
    der.integer(serial),
    algorithm,
    nameOf(issuer.name),
    der.sequence(
      der.time(new Date(start - BACKDATED_MILLISECONDS)),
      der.time(new Date(start + request.validDays * DAY_MILLISECONDS)),
    ),
    nameOf(request.name),
    publicKey.export({ type: 'spki', format: 'der' }),
    der.explicit(3, der.sequence(...extensions)),
  );
  const signature = crypto.sign('sha256', content, issuer.key);
  const bytes = der.sequence(content, algorithm, der.bits(signature));
  const lines = Buffer.from(bytes)
    .toString('base64')
    .match(/.{1,64}/g)!;
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function newKeys(): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } {
  const { generateKeyPairSync } = process.getBuiltinModule('node:crypto');
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function nameOf(name: string): Uint8Array {
  return der.sequence(der.setOf(der.sequence(der.oid(COMMON_NAME), der.utf8(name))));
}

function extension(id: string, isCritical: boolean, content: Uint8Array): Uint8Array {
  const critical = isCritical ? [der.boolean(true)] : [];
  return der.sequence(der.oid(id), ...critical, der.octets(content));
}

function keyIdentifier(key: KeyObject): Uint8Array {
  const { createHash } = process.getBuiltinModule('node:crypto');
  const bytes = key.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(bytes).digest().subarray(0, 20);
}

function alternativeName(host: string): Uint8Array {
  const family = process.getBuiltinModule('node:net').isIP(host);
  if (family === 0) return der.implicit(2, new TextEncoder().encode(host));
  return der.implicit(7, family === 4 ? ipv4Bytes(host) : ipv6Bytes(host));
}

function ipv4Bytes(address: string): Uint8Array {
  return Uint8Array.from(address.split('.'), Number);
}

function ipv6Bytes(address: string): Uint8Array {
  // In its shortest form, without an IPv4 address in it.
  const shortest = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [left = '', right] = shortest.split('::');
  const words = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((word) => Number.parseInt(word, 16));
  const [head, tail] = [words(left), words(right ?? '')];
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => 0);
  const all = [...head, ...zeros, ...tail];
  return Uint8Array.from(all.flatMap((word) => [word >>> 8, word & 0xff]));
}
