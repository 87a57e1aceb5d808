import { accessSettings } from './access-settings';
import { cacheSettings } from './cache-settings';
import { guardSettings } from './guard-settings';
import { limitSettings } from './limit-settings';
import { registrySettings } from './registry-settings';
import { serverSettings } from './server-settings';
import { sightSettings } from './sight-settings';

/** Every setting there is. docs/configuration.md is generated from this table (`yarn docs`). */
export const settings = [
  ...serverSettings,
  ...registrySettings,
  ...accessSettings,
  ...guardSettings,
  ...cacheSettings,
  ...limitSettings,
  ...sightSettings,
] as const;

export type SettingName = (typeof settings)[number]['name'];
