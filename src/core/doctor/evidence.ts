import type { Capabilities, Platform } from '../capabilities';
import type { HeaderList } from '../headers';
import type { ImageName } from '../image-name';
import type { Url } from '../url';
import type { Failure } from '../verbs';

/** One request, and what came of it. */
export interface Seen {
  readonly method: string;
  readonly url: Url;
  /** Milliseconds to the head of the answer, or to the failure. */
  readonly wait: number;
  /** Milliseconds since 1970, when it came. */
  readonly at: number;
  /** Why no answer came. */
  readonly failure?: Failure;
  /** Absent where no answer came. */
  readonly status?: number;
  readonly headers: HeaderList;
  /** Bytes of its body that were read. */
  readonly received: number;
  /** Milliseconds from the head to the last of them. */
  readonly duration: number;
  /** `whole`: to its end; `enough`: as many as were wanted; else it broke off. */
  readonly ending: 'whole' | 'enough' | 'cut';
  /** Of a whole body, where it was asked for. */
  readonly digest?: string;
  /** The first bytes of the body. */
  readonly start: Uint8Array;
  /** What the instance that answers has asked for its part, where that can be seen. */
  readonly hops?: readonly UpstreamHop[];
}

/** A request of the proxy's own to an upstream. */
export interface UpstreamHop {
  readonly purpose: string;
  readonly method: string;
  /** Without whatever may be secret in it. */
  readonly url: string;
  readonly wait: number;
  readonly status?: number;
  /** `content-length` and what else says what comes; nothing that may be secret. */
  readonly headers: HeaderList;
  readonly failure?: Failure;
}

/** What a look-up of a name brings. */
export interface Addresses {
  readonly host: string;
  readonly wait: number;
  readonly found: readonly string[];
  /** Why there is none. */
  readonly why?: string;
}

/** An attempt at a connection of TCP. */
export interface Dial {
  readonly address: string;
  readonly family: 4 | 6;
  readonly wait: number;
  readonly failure?: Failure;
}

/** A TLS handshake. */
export interface Handshake {
  readonly wait: number;
  readonly failure?: Failure;
  /** Such as `TLSv1.3`. */
  readonly version?: string;
  readonly issuer?: string;
  /** Host names that the certificate is for. */
  readonly names: readonly string[];
  /** Milliseconds since 1970. */
  readonly from?: number;
  readonly until?: number;
  /** Why the certificate is not accepted: OpenSSL's words for it, such as `CERT_HAS_EXPIRED`. */
  readonly distrust?: string;
}

/** How a host is reached. */
export interface Reach {
  /** Absent for an address. */
  readonly addresses?: Addresses;
  readonly dials: readonly Dial[];
  /** Absent for plain http, and where nothing was reached. */
  readonly handshake?: Handshake;
}

/** A blob that was asked for, over whichever redirects. */
export interface BlobSeen {
  readonly digest: string;
  /** As the manifest says. */
  readonly size: number;
  readonly isConfig: boolean;
  /** Each hop, the last one with the bytes. */
  readonly hops: readonly Seen[];
}

/** An upload that was begun, and given up. */
export interface PushSeen {
  readonly bytes: number;
  readonly begun: Seen;
  /** Absent where none could be begun. */
  readonly sent?: Seen;
}

/** All that was seen on a walk through a registry; what was not asked is absent. */
export interface Evidence {
  readonly target: Url;
  readonly image: ImageName;
  /** The instance is one of ours. */
  readonly isOurs: boolean;
  /** Where it was said; of what answers, not of this program. */
  readonly platform?: Platform;
  readonly limits?: Capabilities;
  readonly hasLogin: boolean;
  /** Milliseconds since 1970, when the walk began. */
  readonly now: number;
  readonly reach?: Reach;
  readonly health?: Seen;
  readonly ping?: Seen;
  /** The 401 to a request for the manifest. */
  readonly unauthorized?: Seen;
  /** Without what it brought. */
  readonly token?: Seen;
  /** Seconds that the token is good for; absent where none was given. */
  readonly lifetime?: number;
  /** With two scopes. */
  readonly scopes?: Seen;
  readonly manifestHead?: Seen;
  readonly manifest?: Seen;
  readonly byDigest?: Seen;
  /** Of the platform, where the tag is an index. */
  readonly chosen?: Seen;
  /** Why the manifest is of no use. */
  readonly misfit?: {
    readonly why: string;
    /** It has others than the wanted platform. */
    readonly isPlatform: boolean;
  };
  readonly config?: BlobSeen;
  readonly layer?: BlobSeen;
  readonly layerHead?: Seen;
  /** A part of the layer, as the bytes of it that were asked for. */
  readonly range?: { readonly first: number; readonly last: number; readonly seen: Seen };
  /** The same manifest once more, for the cache. */
  readonly again?: Seen;
  readonly pushes?: readonly PushSeen[];
}
