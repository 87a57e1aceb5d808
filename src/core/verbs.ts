import type { Await, Find, Keep, Note, Outcome, Serve } from './cache-verbs';
import type { CloudAccount } from './cloud-account';
import type { Connection } from './config';
import type { HeaderList } from './headers';
import type { Url } from './url';

/** What a runtime tells the core about a request: everything but the body. */
export interface RequestHead {
  readonly method: string;
  /** The request target exactly as it came on the wire (RFC 9112 section 3.2). */
  readonly target: string;
  readonly headers: HeaderList;
  readonly peer: Peer;
}

export interface Peer {
  /** IP address of the other end of the connection. */
  readonly address: string;
  /** True when the connection to us is TLS. */
  readonly secure: boolean;
}

export interface ResponseHead {
  readonly status: number;
  readonly headers: HeaderList;
}

/** Reply at once, out of memory. */
export interface Answer {
  readonly verb: 'answer';
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: string | null;
  /** Why, for the log; never sent. */
  readonly why?: string;
  /** No page of another site may read it. */
  readonly sameOrigin?: true;
}

/** Send this request there and come back with the response head. */
export interface Forward {
  readonly verb: 'forward';
  readonly method: string;
  readonly url: Url;
  readonly headers: HeaderList;
  /** The client's body goes with it: such a request is never sent twice. */
  readonly body: 'client' | 'none' | string;
  /** Addresses this request may connect to (invariant 6). */
  readonly reach: Reach;
  /** Deadlines and certificates of a registry; where absent, those of the configuration. */
  readonly connection?: Connection;
  readonly purpose: Purpose;
  /** Milliseconds to wait before it is sent. */
  readonly after?: number;
  /** Milliseconds within which the response head must have come; where absent, `RESPONSE_TIMEOUT`. */
  readonly within?: number;
}

/** `ping`: to learn the token realm; `hop`: to where a redirect led; `backend`: outside `/v2/`; `search`: of `SEARCH_BACKEND`. */
export type Purpose = 'registry' | 'backend' | 'hop' | 'realm' | 'ping' | 'search';

/** `public`: no private, loopback or link-local address, checked at connect time. */
export type Reach = 'public' | 'any';

/** Read the client's small body (at most `limit` bytes), then ask the core again. */
export interface Read {
  readonly verb: 'read';
  readonly limit: number;
}

/** Why no response came; `client`: its own body did not. Nothing in it may be secret: it is logged, and `message` is sent to the client. */
export interface Failure {
  readonly kind: 'refused' | 'dns' | 'tls' | 'timeout' | 'reset' | 'forbidden' | 'client' | 'unknown';
  readonly message: string;
}

/** Get an anonymous token with `request`, then ask the core again with what came. */
export interface Authorize {
  readonly verb: 'authorize';
  readonly request: Forward;
  /** Bytes of the token document read at most. */
  readonly limit: number;
  /** What the token is for: who waits for the same one gets the same, and it is kept for its lifetime. */
  readonly key: string;
  /** The token that has just been refused; another one that came meanwhile will do. */
  readonly spent?: string;
}

/** Get a login from a registry's cloud, then ask the core again with what came. */
export interface ObtainLogin {
  readonly verb: 'login';
  readonly account: CloudAccount;
  /** Of the registry. */
  readonly host: string;
  /** Who waits for the same one gets the same, and it is kept for its lifetime. */
  readonly key: string;
}

/** This status and these headers to the client, the upstream's body as it comes. */
export interface Relay {
  readonly verb: 'relay';
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: 'stream' | 'collect' | 'none';
  /** What becomes of a collected body; it throws for one that it cannot read. */
  readonly edit?: (text: string) => string;
  /** Set where a cut body can be continued with `Range`. */
  readonly span?: Span;
  readonly keep?: Keep;
  /** Nothing of it is sent: the body goes into the store, and its client waits for that. */
  readonly offload?: Await;
  readonly notes?: readonly Note[];
  readonly outcome?: Outcome;
}

/** The part of a representation that a body carries, in absolute byte offsets. */
export interface Span {
  readonly first: number;
  /** Last byte, inclusive; undefined where the upstream did not say. */
  readonly last?: number;
  /** Length of the whole representation, where known. */
  readonly total?: number;
  /** Strong validator for `If-Range`; absent for blobs, which their digest identifies. */
  readonly validator?: string;
}

/** Join this response's body to the one already under way, after dropping `skip` bytes. */
export interface Splice {
  readonly verb: 'splice';
  readonly skip: number;
}

/** This cannot be continued now; `final` says that asking again is of no use either. */
export interface GiveUp {
  readonly verb: 'give-up';
  readonly why: string;
  readonly final: boolean;
  /** What came is no part that could stand beside the others. */
  readonly isMisfit?: boolean;
}

/** Find out who sent this `Authorization`, then ask the core again. */
export interface Identify {
  readonly verb: 'identify';
  readonly authorization: string;
}

/** Make a token of ours, then ask the core again. */
export interface Issue {
  readonly verb: 'issue';
  /** Undefined for somebody without a login. */
  readonly user: string | undefined;
  /** Milliseconds. */
  readonly lifetime: number;
}

export type RequestVerb = Answer | Authorize | Await | Find | Forward | Identify | Issue | ObtainLogin | Read | Serve;
export type ResponseVerb = Relay | RequestVerb;
export type ResumeVerb = Forward | Authorize | Splice | GiveUp;
