/** What is written is what Node reads. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { createAuthority, issueCertificate } from './certificates.ts';
import { time } from './der.ts';

const from = new Date('2026-01-02T03:04:05Z');
const root = createAuthority({ name: 'authority of ünder cluster', validDays: 3650, from });
const authority = new X509Certificate(root.certificate);

test('an authority vouches for certificates, for a time', () => {
  assert.ok(authority.ca);
  assert.ok(authority.checkIssued(authority) && authority.verify(authority.publicKey));
  assert.equal(authority.validFromDate.toISOString(), '2026-01-02T02:04:05.000Z');
  assert.equal(authority.validToDate.toISOString(), '2035-12-31T03:04:05.000Z');
});

test('a certificate names its hosts, is of its authority and fit for both sides', () => {
  const hosts = [
    'worker-1',
    'worker.example.com',
    '10.1.2.3',
    'fe80::1:ff',
    '::1',
    '::ffff:1.2.3.4',
  ];
  const issued = issueCertificate(root, { name: 'node', hosts, validDays: 30, from });
  const certificate = new X509Certificate(issued.certificate);
  assert.ok(!certificate.ca);
  assert.ok(certificate.checkIssued(authority) && certificate.verify(authority.publicKey));
  assert.equal(certificate.subject, 'CN=node');
  for (const host of ['worker-1', 'worker.example.com']) assert.ok(certificate.checkHost(host));
  assert.equal(certificate.checkHost('worker-2'), undefined);
  for (const ip of ['10.1.2.3', 'fe80::1:ff', '::1']) assert.ok(certificate.checkIP(ip), ip);
  assert.equal(certificate.checkIP('10.1.2.4'), undefined);
  assert.match(certificate.subjectAltName!, /IP Address:0:0:0:0:0:FFFF:102:304/);
  assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
  const other = issueCertificate(root, { name: 'node', hosts: [], validDays: 30, from });
  assert.notEqual(new X509Certificate(other.certificate).serialNumber, certificate.serialNumber);
  assert.equal(new X509Certificate(other.certificate).subjectAltName, undefined);
});

test('another authority of the same name has not issued it', () => {
  const impostor = createAuthority({ name: 'authority of ünder cluster', validDays: 1, from });
  const { certificate } = issueCertificate(root, { name: 'n', hosts: [], validDays: 1, from });
  const { publicKey } = new X509Certificate(impostor.certificate);
  assert.ok(!new X509Certificate(certificate).verify(publicKey));
});

test('years from 2050 on are written as certificates must', () => {
  assert.equal(
    Buffer.from(time(new Date('2049-12-31T23:59:59.999Z')))
      .toString('latin1')
      .slice(2),
    '491231235959Z',
  );
  assert.equal(
    Buffer.from(time(new Date('2050-01-01T00:00:00Z')))
      .toString('latin1')
      .slice(2),
    '20500101000000Z',
  );
});
