import { parseChallenges, printChallenge } from '../challenge';
import { textOf } from '../doctor/answers';
import type { Seen } from '../doctor/evidence';
import type { RegistryError } from '../errors';
import type { Gate } from '../gate';
import { headerOf, headersOf } from '../headers';
import { isFields, shorten } from '../prefetch';
import type { Refusal } from './report';

/** What an answer other than 200 says, or no answer. @param gate whose users may log in */
export function refusalOf({ status = 0, headers, start, failure }: Seen, gate: Gate | undefined): Refusal {
  if (failure) {
    const isLate = failure.kind === 'timeout';
    return { status: isLate ? 504 : 502, code: 'UNAVAILABLE', message: shorten(failure.message) };
  }
  const { code, message } = wordsIn(textOf(start));
  const challenge = status === 401 ? challengeIn(headersOf(headers, 'www-authenticate'), gate) : undefined;
  const retryAfter = headerOf(headers, 'retry-after');
  return {
    status,
    code: code ?? 'UNKNOWN',
    message: message ?? `the answer is ${status}`,
    ...(challenge !== undefined && { challenge }),
    ...(retryAfter !== undefined && { retryAfter }),
  };
}

export function refusalOfError({ status, code, message, headers }: RegistryError): Refusal {
  const retryAfter = headerOf(headers, 'retry-after');
  return { status, code, message, ...(retryAfter !== undefined && { retryAfter }) };
}

/** Of a registry's error (OCI distribution spec, "Error Codes"), or a token server's (distribution's token spec). */
function wordsIn(text: string): { code?: string; message?: string } {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return {};
  }
  const { errors, details, message: plain } = isFields(document) ? document : {};
  const [first] = Array.isArray(errors) ? errors : [];
  const { code, message } = isFields(first) ? first : { code: undefined, message: details ?? plain };
  return {
    ...(typeof code === 'string' && { code: shorten(code) }),
    ...(typeof message === 'string' && message !== '' && { message: shorten(message) }),
  };
}

/** A browser knows no tokens: where users of ours may log in, it is asked for their login all the same. */
function challengeIn(fields: readonly string[], gate: Gate | undefined): string | undefined {
  const basic = fields.flatMap(parseChallenges).find(({ scheme }) => scheme.toLowerCase() === 'basic');
  if (basic) return printChallenge(basic);
  return gate?.users.size ? printChallenge({ scheme: 'Basic', parameters: [['realm', gate.realm]] }) : undefined;
}
