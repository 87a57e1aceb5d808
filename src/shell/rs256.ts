/**
 * Signs by RSASSA-PKCS1-v1_5 with SHA-256 (RS256, RFC 7518 section 3.3).
 * @param privateKey in PEM form: PKCS #8 or, as older files have it, PKCS #1
 * @throws whatever WebCrypto and `atob` throw where it is not an RSA key; their words may quote it
 */
export async function signRs256(privateKey: string, data: Uint8Array): Promise<Uint8Array> {
  const body = privateKey.replace(/-----[A-Z ]+-----|\s/g, '');
  const der = Uint8Array.from(atob(body), (character) => character.charCodeAt(0));
  const isBare = privateKey.startsWith('-----BEGIN RSA ');
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  const key = await crypto.subtle.importKey('pkcs8', isBare ? wrap(der) : der, algorithm, false, ['sign']);
  return new Uint8Array(await crypto.subtle.sign(algorithm, key, data));
}

/** Version 0, and an algorithm that is rsaEncryption (RFC 5208 section 5, RFC 8017 appendix A.1), in DER. */
const RSA_PREFIX = [0x02, 1, 0, 0x30, 13, 0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 0x05, 0];

/** PKCS #1 as PKCS #8, the only form that WebCrypto takes. */
function wrap(key: Uint8Array): Uint8Array {
  return element(0x30, [...RSA_PREFIX, ...element(0x04, key)]);
}

/** With a length of two bytes always, as keys of 1024 to 16384 bits need it. */
function element(tag: number, content: ArrayLike<number>): Uint8Array {
  return Uint8Array.from([tag, 0x82, content.length >> 8, content.length & 0xff, ...Array.from(content)]);
}
