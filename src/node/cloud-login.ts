import type { CloudAccount } from '../core/cloud-account';
import { fetchLogin } from '../shell/cloud-login';
import { cloudFetch } from './cloud-fetch';
import { machine } from './machine';
import type { Transport } from './transport';

/**
 * A login from a cloud as a document for the store of tokens, also by the right of the machine that this runs on.
 * @throws Error with words fit for a log
 */
export function fetchCloudLogin(account: CloudAccount, host: string, transport: Transport): Promise<string> {
  return fetchLogin(account, host, cloudFetch(transport), machine);
}
