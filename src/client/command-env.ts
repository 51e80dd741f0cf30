/** What commands need of the world beside Env; bin puts it together. */
import type { Timestamp } from '../base/units.ts';
import type { CertificateMaker } from '../env/certificate-maker.ts';
import type { Env } from '../env/env.ts';
import type { HttpClient } from '../env/http.ts';

export interface CommandEnv extends Env {
  /** Loaded by the first command that talks to a cluster. */
  loadHttp(): Promise<HttpClient>;
  /** Loaded by the one command that makes certificates. */
  loadCertificates(): Promise<CertificateMaker>;
  /** Minutes by which the user's clocks are ahead of UTC at a moment. */
  utcOffset(at: Timestamp): number;
}
