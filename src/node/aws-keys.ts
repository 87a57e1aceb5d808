import { readFile } from 'node:fs/promises';
import type { AwsContainer, AwsKeys, AwsRole } from '../core/aws-account';
import { parseUrl, type Url } from '../core/url';
import { ask, type CloudFetch, type CloudResponse, fieldsOf, refusal, textOf } from '../shell/cloud-request';

const INSTANCE = 'http://169.254.169.254/latest';

/** Seconds for which the instance's session is asked for: it is used at once. */
const SESSION_LIFETIME = '60';

/**
 * The keys of a role, which requests to AWS are signed with.
 * @throws Error with words fit for a log
 */
export async function obtainRoleKeys(role: AwsRole, fetch: CloudFetch): Promise<AwsKeys> {
  switch (role.from) {
    case 'container':
      return containerKeys(role, fetch);
    case 'instance':
      return instanceKeys(fetch);
  }
}

async function containerKeys({ url, authorization, authorizationFile }: AwsContainer, fetch: CloudFetch) {
  const who = "the container's credentials service";
  const proof = authorizationFile === undefined ? authorization : await readProof(authorizationFile);
  const headers = proof === undefined ? [] : [['authorization', proof] as const];
  const response = await ask(fetch, who, () => ({ method: 'GET', url, headers }));
  return keysOf(response, who, proof);
}

/** Read anew each time: EKS replaces it long before the process ends. */
async function readProof(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch {
    throw new Error('the file that AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE names cannot be read');
  }
}

/** IMDSv2: a session by PUT, the name of the role, its keys (EC2, "Retrieve security credentials from instance metadata"). */
async function instanceKeys(fetch: CloudFetch): Promise<AwsKeys> {
  const who = "EC2's metadata service";
  const lifetime = [['x-aws-ec2-metadata-token-ttl-seconds', SESSION_LIFETIME] as const];
  const begin = () => ({ method: 'PUT' as const, url: at('/api/token'), headers: lifetime, body: '' });
  const session = await ask(fetch, who, begin, '; where this is no EC2 instance, set accessKeyId and secretAccessKey');
  if (session.status !== 200) throw new Error(refusal(who, session.status, undefined, undefined, []));
  const headers = [['x-aws-ec2-metadata-token', session.body.trim()] as const];
  const path = '/meta-data/iam/security-credentials/';
  const roles = await ask(fetch, who, () => ({ method: 'GET', url: at(path), headers }));
  const role = roles.body.trim().split('\n')[0];
  if (roles.status !== 200 || !/^[\w+=,.@-]{1,128}$/.test(role))
    throw new Error(`${who} knows no role of this instance`);
  return keysOf(await ask(fetch, who, () => ({ method: 'GET', url: at(path + role), headers })), who, session.body);
}

function at(path: string): Url {
  return parseUrl(INSTANCE + path) as Url;
}

function keysOf(response: CloudResponse, who: string, proof: string | undefined): AwsKeys {
  const fields = fieldsOf(response);
  const [id, secret, token] = [fields.AccessKeyId, fields.SecretAccessKey, fields.Token].map(textOf);
  if (response.status !== 200) {
    throw new Error(
      refusal(who, response.status, fields.code ?? fields.Code, fields.message ?? fields.Message, [proof]),
    );
  }
  if (id === '' || secret === '') throw new Error(`${who} answers without keys`);
  return { id, secret, ...(token !== '' && { token }) };
}
