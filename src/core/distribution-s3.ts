/** What of `storage.s3` says where the bucket is (distribution, "S3 storage driver"). */
export const S3_KEYS = ['bucket', 'rootdirectory', 'region', 'regionendpoint', 'secure', 'forcepathstyle'];

/**
 * The section `storage.s3` as `CACHE` says it.
 * @param faults gets what is wrong, as `key: what was expected`; never a value
 */
export function cacheOfS3(section: Readonly<Record<string, unknown>>, faults: string[]): string | undefined {
  const before = faults.length;
  const text = (key: string) => {
    const value = section[key] ?? '';
    if (typeof value === 'string') return value.trim();
    faults.push(`storage.s3.${key}: expected text; put it in quotes`);
    return '';
  };
  const flag = (key: string) => {
    const value = section[key] ?? '';
    if (/^(true|false|)$/.test(String(value))) return String(value);
    faults.push(`storage.s3.${key}: expected true or false`);
    return '';
  };
  const [bucket, folder, endpoint] = [text('bucket'), text('rootdirectory'), text('regionendpoint')];
  const isPlain = flag('secure') === 'false' && endpoint !== '' && !endpoint.includes('://');
  const parameters = {
    endpoint: isPlain ? `http://${endpoint}` : endpoint,
    region: text('region'),
    pathStyle: flag('forcepathstyle'),
  };
  if (faults.length > before) return undefined;
  if (bucket === '') {
    faults.push('storage.s3.bucket: is missing');
    return undefined;
  }
  const query = Object.entries(parameters).flatMap(([name, value]) =>
    value === '' ? [] : [`${name}=${encodeURIComponent(value)}`],
  );
  return `s3://${bucket}/${folder.replace(/^\/+|\/+$/g, '')}?${query.join('&')}`;
}
