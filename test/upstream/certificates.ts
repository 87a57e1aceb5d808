import { generate } from 'selfsigned';
import type { TlsIdentity } from './listen';

export interface Authority {
  /** PEM of the authority itself, for NODE_EXTRA_CA_CERTS or a system bundle. */
  cert: string;
  issue(names: string[], lifetime?: { from: Date; to: Date }): Promise<TlsIdentity>;
}

const DAY = 24 * 60 * 60 * 1000;

/** An authority made for this run: nothing trusts it but who is told to. */
export async function createAuthority(): Promise<Authority> {
  const root = await generate([{ name: 'commonName', value: 'Registry test authority' }], {
    ...period(),
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  return {
    cert: root.cert,
    async issue(names, lifetime) {
      const made = await generate([{ name: 'commonName', value: names[0] as string }], {
        ...period(lifetime),
        keyType: 'ec',
        algorithm: 'sha256',
        ca: { key: root.private, cert: root.cert },
        extensions: [
          { name: 'basicConstraints', cA: false, critical: true },
          { name: 'keyUsage', digitalSignature: true, critical: true },
          { name: 'extKeyUsage', serverAuth: true },
          { name: 'subjectAltName', altNames: names.map(altName) },
        ],
      });
      return { key: made.private, cert: made.cert };
    },
  };
}

function altName(name: string) {
  const isAddress = /^[0-9.]+$|:/.test(name);
  return isAddress ? ({ type: 7, ip: name } as const) : ({ type: 2, value: name } as const);
}

function period(lifetime?: { from: Date; to: Date }) {
  return {
    notBeforeDate: lifetime?.from ?? new Date(Date.now() - DAY),
    notAfterDate: lifetime?.to ?? new Date(Date.now() + 30 * DAY),
  };
}
