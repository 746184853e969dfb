import { existsSync } from 'node:fs';
import process from 'node:process';
import { apt } from '@querator/tooling-postgres/debian';

const CHROMIUM = '/usr/bin/chromium';

/** Finds Debian's Chromium, and installs it first if this process may. */
export function findChromium(): { readonly path: string } | { readonly missing: string } {
  if (existsSync(CHROMIUM)) return { path: CHROMIUM };
  if (process.getuid?.() !== 0) return { missing: 'needs root to install chromium' };
  if (!existsSync('/usr/bin/apt-get')) {
    return { missing: "needs Debian's package chromium, and there is no apt-get" };
  }
  process.stdout.write('Installing chromium.\n');
  try {
    apt(['update', '-qq']);
    apt(['install', '-y', '-qq', '--no-install-recommends', 'chromium']);
  } catch (error) {
    return { missing: String(error).trim().split('\n').at(-1) ?? '' };
  }
  return existsSync(CHROMIUM) ? { path: CHROMIUM } : { missing: `the package chromium has no ${CHROMIUM}` };
}
