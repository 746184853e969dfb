import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { CannotRunHere, lastLine } from '../cannot-run-here.ts';
import { debianMirror } from '../engine/debian-mirror.ts';
import { cache } from '../repository.ts';
import { makeScratchFolder, removeScratchFolder } from '../scratch-folder.ts';

const RELEASE = 'bookworm';
/** Files that the slim image leaves out too, and those of apt. */
const LEFT_OUT = ['usr/share/doc', 'usr/share/man', 'usr/share/locale', 'var/cache/apt', 'var/lib/apt/lists'];

/**
 * An archive of a minimal Debian. debootstrap makes it the first time; it is kept
 * in `.tools`.
 *
 * @throws CannotRunHere when it cannot be made.
 */
export function debianArchive(): string {
  const archive = join(cache, `debian-${RELEASE}.tar`);
  if (existsSync(archive)) return archive;
  mkdirSync(cache, { recursive: true });
  const folder = makeScratchFolder('querator-debian-');
  const draft = `${archive}.draft`;
  try {
    const files = join(folder, 'files');
    step('debootstrap', ['--variant=minbase', RELEASE, files, debianMirror()]);
    for (const name of LEFT_OUT) rmSync(join(files, name), { recursive: true, force: true });
    step('tar', ['-C', files, '-cf', draft, '.']);
    renameSync(draft, archive);
  } finally {
    removeScratchFolder(folder);
    rmSync(draft, { force: true });
  }
  return archive;
}

function step(program: string, args: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
  if (status !== 0) throw new CannotRunHere(`${program}: ${lastLine(`${stdout}${stderr}`)}`);
}
