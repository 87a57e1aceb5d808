import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { proxies } from './addresses';
import { until, type World } from './world';

export interface Store {
  /** Settings by which a proxy in this world keeps its content there, below a prefix. */
  env(prefix: string): Record<string, string>;
  /** What no log may hold. */
  secret: string;
  /** Keys of all objects. */
  keys(): Promise<string[]>;
}

const NAME = 'store.example.com';
const BUCKET = 'cache';
const USER = 'test:tester';

/** Seconds. */
const PATIENCE = 120;

/** OpenStack Swift inside the world, under a name of its own that is reached from behind the border as well. */
export async function startStore(world: World): Promise<Store> {
  const port = proxies[NAME];
  const folder = join(world.folder, 'swift');
  mkdirSync(folder);
  const secret = randomBytes(20).toString('hex');
  const others = [1, 2, 3, 4].map((step) => String(port + 100 + step));
  const daemon = world.daemon('swift', [join(__dirname, 'swift-servers'), folder, String(port), ...others], {
    env: { SWIFT_SECRET: secret },
  });
  const url = `http://127.0.0.1:${port}`;
  const curl = (...words: string[]) => world.run(['curl', '-sf', ...words]);

  let token = '';
  const answers = async () => {
    const { stdout } = await curl(
      '-D-',
      '-H',
      `X-Storage-User: ${USER}`,
      '-H',
      `X-Storage-Pass: ${secret}`,
      `${url}/auth/v1.0`,
    );
    token = /^x-auth-token: (\S+)/im.exec(stdout)?.[1] ?? '';
    return token !== '';
  };
  // Nine Python programs, one after another.
  await until('swift answers', daemon, answers, PATIENCE);
  const bucket = `${url}/v1/AUTH_test/${BUCKET}`;
  const authorized = ['-H', `X-Auth-Token: ${token}`];
  const put = async () => (await curl('-XPUT', ...authorized, bucket)).code === 0;
  await until('swift has a bucket', daemon, put, PATIENCE);
  return {
    env: (prefix) => ({
      CACHE: `s3://${BUCKET}/${prefix}?endpoint=https://${NAME}&region=nowhere-1&pathStyle=true`,
      CACHE_ACCESS_KEY: USER,
      CACHE_SECRET_KEY: secret,
    }),
    secret,
    async keys() {
      const { stdout } = await curl(...authorized, bucket);
      return stdout.split('\n').filter(Boolean);
    },
  };
}
