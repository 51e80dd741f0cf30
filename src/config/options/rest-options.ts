/** The REST interface: where it is served and reached, what it allows, and how clients call it. */
import { milliseconds, minutes, seconds, type Duration } from '../../base/units.ts';
import { boolean, duration, integer, memorySize, option, optional } from '../option.ts';
import { INT32_MAX, portRange, PORT_MAX, text, type ConfigOption } from '../option.ts';

interface RestOptions {
  readonly address: ConfigOption<string | undefined>;
  readonly port: ConfigOption<number>;
  readonly bindAddress: ConfigOption<string | undefined>;
  readonly bindPort: ConfigOption<string | undefined>;
  readonly connectionTimeout: ConfigOption<Duration>;
  readonly idlenessTimeout: ConfigOption<Duration>;
  readonly retryMaxAttempts: ConfigOption<number>;
  readonly retryDelay: ConfigOption<Duration>;
  readonly serverMaxContentLength: ConfigOption<number>;
  readonly clientMaxContentLength: ConfigOption<number>;
  readonly asyncStoreDuration: ConfigOption<Duration>;
  readonly authentication: ConfigOption<boolean>;
  readonly allowedHosts: ConfigOption<string | undefined>;
  readonly insecureBind: ConfigOption<boolean>;
}

export const RestOptions: RestOptions = {
  address: optional(
    'rest.address',
    text,
    'The host under which clients reach the REST interface. Unset: jobmanager.rpc.address.',
  ),
  port: option(
    'rest.port',
    integer(0, PORT_MAX),
    8081,
    'The port under which clients reach the REST interface, and on which it is served unless rest.bind-port says otherwise.',
    ['web.port', 'jobmanager.web.port'],
  ),
  bindAddress: optional(
    'rest.bind-address',
    text,
    'The address on which the REST interface listens. Unset: rest.address, and this machine alone where that is unset too.',
    ['web.address', 'jobmanager.web.address'],
  ),
  bindPort: optional(
    'rest.bind-port',
    portRange,
    'The port on which the REST interface listens, or a range of which the first free one is taken. 0 picks any. Unset: rest.port.',
  ),
  connectionTimeout: option(
    'rest.connection-timeout',
    duration,
    seconds(15),
    'How long a client waits for a connection to the REST interface and for the head of its answer.',
  ),
  idlenessTimeout: option(
    'rest.idleness-timeout',
    duration,
    minutes(5),
    'After this long without a request the REST interface closes a connection.',
  ),
  retryMaxAttempts: option(
    'rest.retry.max-attempts',
    integer(0, INT32_MAX),
    20,
    'How often a client repeats a call that nobody has answered, while it submits a job or follows one.',
  ),
  retryDelay: option(
    'rest.retry.delay',
    duration,
    seconds(3),
    'How long a client waits before it repeats a call.',
  ),
  serverMaxContentLength: option(
    'rest.server.max-content-length',
    memorySize,
    104_857_600,
    'The largest body that the REST interface takes: the bound of a job bundle.',
  ),
  clientMaxContentLength: option(
    'rest.client.max-content-length',
    memorySize,
    104_857_600,
    'The largest answer that a client takes.',
  ),
  asyncStoreDuration: option(
    'rest.async.store-duration',
    duration,
    minutes(5),
    'For this long the result of an operation that was triggered can be asked for.',
  ),
  authentication: option(
    'millrace.rest.authentication',
    boolean,
    true,
    "Whether clients need the token of the cluster. Without it the REST interface listens to this machine alone, and to everybody on it: for Flink's own clients, which can send the token by FLINK_REST_CLIENT_HEADERS, too.",
  ),
  allowedHosts: optional(
    'millrace.rest.allowed-hosts',
    text,
    'Names, separated by commas, under which the REST interface may be called beside rest.address, localhost and addresses; the page for Prometheus too, where it listens for this machine alone. Others may be names of strangers that lead here.',
  ),
  insecureBind: option(
    'millrace.rest.insecure-bind',
    boolean,
    false,
    'Whether the REST interface may listen for other machines without TLS, as behind a proxy that has it. The token can be read on the way then.',
  ),
};

interface WebOptions {
  readonly refreshInterval: ConfigOption<Duration>;
  readonly submitEnable: ConfigOption<boolean>;
  readonly uploadDirectory: ConfigOption<string | undefined>;
  readonly cancelEnable: ConfigOption<boolean>;
}

export const WebOptions: WebOptions = {
  refreshInterval: option(
    'web.refresh-interval',
    duration,
    milliseconds(3000),
    'How often the dashboard asks anew.',
    ['jobmanager.web.refresh-interval'],
  ),
  submitEnable: option(
    'web.submit.enable',
    boolean,
    true,
    'Whether jobs can be uploaded and run over the REST interface.',
    ['jobmanager.web.submit.enable'],
  ),
  uploadDirectory: optional(
    'web.upload.dir',
    text,
    'The folder in which the bundles that were uploaded over the REST interface stay over a restart of the JobManager; it forgets them if it is not set.',
    ['jobmanager.web.upload.dir'],
  ),
  cancelEnable: option(
    'web.cancel.enable',
    boolean,
    true,
    'Whether the dashboard offers to cancel jobs.',
  ),
};
