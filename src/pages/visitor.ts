import { type Identity, shownLogin } from '../core/admission';
import { printChallenge } from '../core/challenge';
import { isAllowedAddress } from '../core/client-rules';
import type { Config } from '../core/config';
import { type Gate, isOpenToAll } from '../core/gate';
import { headerOf } from '../core/headers';
import type { Refusal } from '../core/inspect/report';
import type { Answer, RequestHead } from '../core/verbs';

/** Who looks at a page. A stranger gets to know nothing of what is behind the gate, or that there is anything. */
export type Visitor =
  | { readonly kind: 'known' }
  | { readonly kind: 'stranger'; readonly sees: 'little' | 'nothing' }
  | { readonly kind: 'refused'; readonly sees: 'little' | 'nothing'; readonly refusal: Refusal };

export interface Arrival {
  readonly head: RequestHead;
  readonly config: Config;
  /** `ACCESS_SECRET` was shown. */
  readonly isGuest: boolean;
  /** A login is asked for. */
  readonly logsIn: boolean;
  /** The answer to a request that is one too many. */
  readonly admit: () => Answer | undefined;
  readonly identify: (authorization: string) => Promise<Identity>;
}

/** Finds out who looks. Without a gate everybody is known, and behind one holders of the secret, near addresses and users. */
export async function receive(arrival: Arrival): Promise<Visitor> {
  const { head, config, isGuest, logsIn, admit, identify } = arrival;
  const { gate } = config;
  const isNear = gate?.satisfy === 'any' && isAllowedAddress(head, config);
  const sees = gate?.secret !== undefined && !isGuest && !isNear && !isOpenToAll(gate) ? 'nothing' : 'little';
  const refused = (refusal: Refusal): Visitor => ({ kind: 'refused', sees, refusal });
  const full = admit();
  if (full) return refused(asRefusal(full));
  if (!gate || isGuest || isNear) return { kind: 'known' };
  const authorization = shownLogin(head, gate);
  const nobody: Visitor = logsIn && gate.users.size > 0 ? refused(loginNeeded(gate)) : { kind: 'stranger', sees };
  if (authorization === undefined) return nobody;
  const identity = await identify(authorization);
  switch (identity.kind) {
    case 'user':
      return { kind: 'known' };
    case 'anonymous':
      return nobody;
    case 'refused':
      return refused(loginNeeded(gate, identity.why));
    case 'busy':
      return refused({ status: 429, code: 'TOOMANYREQUESTS', message: identity.why, retryAfter: '5' });
  }
}

function loginNeeded({ realm }: Gate, message = 'log in first'): Refusal {
  const challenge = printChallenge({ scheme: 'Basic', parameters: [['realm', realm]] });
  return { status: 401, code: 'UNAUTHORIZED', message, challenge };
}

function asRefusal({ status, headers, why = '' }: Answer): Refusal {
  const [code = '', ...message] = why.split(': ');
  return { status, code, message: message.join(': '), retryAfter: headerOf(headers, 'retry-after') };
}
