import type { Capabilities } from './capabilities';
import type { TlsFiles } from './config';
import { spelt } from './given';
import type { Reading } from './read-upstreams';

export function readTls({ read, given, faults }: Reading, platform: Capabilities | undefined): TlsFiles | undefined {
  const before = faults.length;
  const [cert, key] = [read('TLS_CERT'), read('TLS_KEY')];
  if (faults.length > before || (cert ?? key) === undefined) return undefined;
  if (platform?.gatewayIsPeer) faults.push("TLS_CERT, TLS_KEY: the platform's gateway ends TLS, and asks for http");
  if (cert !== undefined && key !== undefined) return { cert, key, http2: read('HTTP2') as boolean };
  const [present, absent] =
    cert === undefined ? (['TLS_KEY', 'TLS_CERT'] as const) : (['TLS_CERT', 'TLS_KEY'] as const);
  faults.push(`${spelt(present, given)}=${cert ?? key}: needs ${absent} as well; set both to serve https, or neither`);
  return undefined;
}
