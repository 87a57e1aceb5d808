import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import type { World } from './world';

/** It asks nobody for anything by itself. */
const FLAGS = [
  ...['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
  ...['--disable-component-update', '--disable-sync', '--disable-quic'],
];

/** Debian's Chromium, inside of the world. */
export async function startBrowser(world: World): Promise<Browser> {
  const { command, env } = world.entrance({ border: true });
  const executablePath = join(world.folder, 'chromium');
  const words = [...command, '/usr/bin/chromium'].map((word) => `'${word}'`).join(' ');
  writeFileSync(executablePath, `#!/bin/sh\nexec ${words} "$@"\n`, { mode: 0o700 });
  return chromium.launch({ executablePath, args: FLAGS, env });
}

/** A page, and whatever it does that it should not. */
export interface Sight {
  page: Page;
  /** Requests for anything of another origin, and what the policy of a page has stopped. */
  faults: string[];
  close(): Promise<void>;
}

/** @param origin the only one that may be asked */
export async function openSight(browser: Browser, origin: string, options: BrowserContextOptions = {}): Promise<Sight> {
  // The world has an authority of its own, which is not what is tested here.
  const context = await browser.newContext({ ignoreHTTPSErrors: true, ...options });
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== origin) faults.push(`asks ${request.url()}`);
  });
  page.on('console', (message) => {
    // That a page is a 404 is said there, too.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      faults.push(message.text());
  });
  page.on('pageerror', (error) => faults.push(error.message));
  return { page, faults, close: () => context.close() };
}

const axe = readFileSync(createRequire(__filename).resolve('axe-core/axe.min.js'), 'utf8');

/** What is against WCAG 2.2, levels A and AA, as far as a program can tell. */
export async function violationsOn(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  return page.evaluate(`axe
    .run(document, { preload: false, runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] })
    .then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ': ' + html)))`);
}

/** Pixels by which the page is wider than the window. */
export function overflowOf(page: Page): Promise<number> {
  return page.evaluate('document.documentElement.scrollWidth - window.innerWidth');
}
