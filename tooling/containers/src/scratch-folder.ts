import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

/**
 * The free memory, in bytes, from which a folder is in memory. The dependencies of
 * a build are tens of thousands of files, which take a minute to remove from a
 * disk.
 */
const ROOMY = 8 * 1024 ** 3;
/** Twice the size of all images and containers. */
const SIZE = '6g';

/** Creates a temporary folder, in memory if there is enough and root may mount. */
export function makeScratchFolder(prefix: string): string {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  if (process.availableMemory() >= ROOMY) {
    // If mounting is forbidden, the folder stays on disk.
    spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE},mode=0700`, 'tmpfs', folder], { stdio: 'ignore' });
  }
  return folder;
}

/** Removes such a folder and its mounts. */
export function removeScratchFolder(folder: string): void {
  // The deepest mounts first.
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .flatMap((line) => line.split(' ')[1] ?? [])
    .filter((path) => path === folder || path.startsWith(`${folder}/`))
    .sort((a, b) => b.length - a.length);
  for (const path of mounts) spawnSync('umount', ['--lazy', path], { stdio: 'ignore' });
  rmSync(folder, { recursive: true, force: true });
}
