import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

/**
 * With so many bytes of free memory a folder lies there. The dependencies of a
 * build are tens of thousands of files: a disk takes a minute to remove them.
 */
const ROOMY = 8 * 1024 ** 3;
/** What all images and containers take, twice over. */
const SIZE = '6g';

/** Makes a temporary folder, in memory where there is enough and root may mount. */
export function makeScratchFolder(prefix: string): string {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  if (process.availableMemory() >= ROOMY) {
    // Where that is forbidden, the disk has to do.
    spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE},mode=0700`, 'tmpfs', folder], { stdio: 'ignore' });
  }
  return folder;
}

/** Removes such a folder, and what is mounted in it. */
export function removeScratchFolder(folder: string): void {
  // The deepest first.
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .flatMap((line) => line.split(' ')[1] ?? [])
    .filter((path) => path === folder || path.startsWith(`${folder}/`))
    .sort((a, b) => b.length - a.length);
  for (const path of mounts) spawnSync('umount', ['--lazy', path], { stdio: 'ignore' });
  rmSync(folder, { recursive: true, force: true });
}
