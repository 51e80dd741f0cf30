/** What makes an authority and certificates of it, for the processes of one cluster; as PEM. */

export interface Certified {
  readonly certificate: string;
  readonly key: string;
}

export interface CertificateRequest {
  /** Whom it is for, e.g. `cluster default`. */
  readonly name: string;
  /** Names and addresses under which others reach its owner. */
  readonly hosts: readonly string[];
  readonly validDays: number;
  /** Before which it is not valid; now if undefined. */
  readonly from?: Date | undefined;
}

export interface CertificateMaker {
  /** An authority that vouches for certificates, and for no other authority. */
  createAuthority(request: Omit<CertificateRequest, 'hosts'>): Certified;
  /**
   * A certificate of an authority that `createAuthority` has made, fit for both sides of a
   * connection. @throws if the authority is another's, or its key does not belong to it
   */
  issueCertificate(authority: Certified, request: CertificateRequest): Certified;
}
