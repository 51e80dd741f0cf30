/**
 * Security: the secret of the cluster, TLS between its processes and for REST, and who may listen
 * where. Where Flink has Java keystores there are files of certificates and keys (PEM) here.
 */
import { boolean, integer, option, optional, text, type ConfigOption } from '../option.ts';

interface SecurityOptions {
  readonly secretFile: ConfigOption<string | undefined>;
  readonly insecureBind: ConfigOption<boolean>;
  readonly connectionsMax: ConfigOption<number>;
  readonly internalTls: ConfigOption<boolean>;
  readonly internalCertificate: ConfigOption<string | undefined>;
  readonly internalKey: ConfigOption<string | undefined>;
  readonly internalAuthority: ConfigOption<string | undefined>;
  readonly internalVerifyHostName: ConfigOption<boolean>;
  readonly restTls: ConfigOption<boolean>;
  readonly restAuthentication: ConfigOption<boolean>;
  readonly restCertificate: ConfigOption<string | undefined>;
  readonly restKey: ConfigOption<string | undefined>;
  readonly restAuthority: ConfigOption<string | undefined>;
}

export const SecurityOptions: SecurityOptions = {
  secretFile: optional(
    'millrace.security.secret-file',
    text,
    'The file with the secret by which the processes of the cluster know each other, the same on every machine: 64 hexadecimal digits. Unset: `cluster-secret` in the folder of the cluster, made by whoever comes first.',
  ),
  insecureBind: option(
    'millrace.security.insecure-bind',
    boolean,
    false,
    'Whether ports that other machines can reach may be opened without authentication and encryption. As `--insecure-bind`.',
    ['security.insecure-bind'],
  ),
  connectionsMax: option(
    'millrace.security.max-connections',
    integer(1),
    1000,
    'Connections of other processes that a JobManager keeps open. A TaskManager has one, and one for each job that it works for.',
  ),
  internalTls: option(
    'security.ssl.internal.enabled',
    boolean,
    false,
    'Whether processes of the cluster speak TLS 1.3 with each other, for calls, code and records. Both sides show certificates.',
  ),
  internalCertificate: optional(
    'millrace.security.ssl.internal.certificate',
    text,
    'File of the certificate of this process (PEM), with those between it and the authority.',
  ),
  internalKey: optional(
    'millrace.security.ssl.internal.key',
    text,
    'File of the private key of that certificate (PEM, without a passphrase).',
  ),
  internalAuthority: optional(
    'millrace.security.ssl.internal.ca',
    text,
    'File of the certificate of the one authority (PEM) that vouches for processes of the cluster. No other is believed.',
  ),
  internalVerifyHostName: option(
    'millrace.security.ssl.internal.verify-hostname',
    boolean,
    false,
    'Whether the certificate of a process must name the host under which it is reached. Flink does not check it between processes either.',
  ),
  restTls: option(
    'security.ssl.rest.enabled',
    boolean,
    false,
    'Whether the REST interface is served by HTTPS.',
  ),
  restAuthentication: option(
    'security.ssl.rest.authentication-enabled',
    boolean,
    false,
    'Whether clients of the REST interface must show a certificate of millrace.security.ssl.rest.ca, beside the token.',
  ),
  restCertificate: optional(
    'millrace.security.ssl.rest.certificate',
    text,
    'File of the certificate of the REST interface (PEM), with those between it and the authority; for a client, of its own.',
  ),
  restKey: optional(
    'millrace.security.ssl.rest.key',
    text,
    'File of the private key of that certificate (PEM, without a passphrase).',
  ),
  restAuthority: optional(
    'millrace.security.ssl.rest.ca',
    text,
    'File of the certificate of the authority (PEM) by which clients know the REST interface, and it knows them. Unset for a client: those of the platform.',
  ),
};
