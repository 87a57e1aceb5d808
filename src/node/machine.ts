import { parseUrl, type Url } from '../core/url';
import type { Machine } from '../shell/cloud-login';
import { obtainRoleKeys } from './aws-keys';

const GOOGLE_TOKEN = 'http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token';

/** The machine or container that this runs on. */
export const machine: Machine = {
  awsKeys: obtainRoleKeys,
  googleToken: { method: 'GET', url: parseUrl(GOOGLE_TOKEN) as Url, headers: [['metadata-flavor', 'Google']] },
};
