import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

const BALLAST = 'ballast';

/** A disk of a few megabytes in memory, which can be filled. */
export class SmallDisk {
  readonly folder: string;
  readonly #unmount = () => void spawnSync('umount', ['--lazy', this.folder]);

  /** @throws Error when this process may not mount file systems. */
  constructor(megabytes: number) {
    this.folder = mkdtempSync(join(tmpdir(), 'querator-disk-'));
    mount('-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0711`, 'tmpfs', this.folder);
    process.once('exit', this.#unmount);
  }

  /** Creates a folder with this owner. */
  makeFolder(name: string, owner: { readonly uid: number; readonly gid: number }): string {
    const path = join(this.folder, name);
    mkdirSync(path, { mode: 0o700 });
    chownSync(path, owner.uid, owner.gid);
    return path;
  }

  /** Enlarges the disk, as an operator does. */
  grow(megabytes: number): void {
    mount('-o', `remount,size=${megabytes}m`, this.folder);
  }

  /** Fills the rest of the disk, to the last page. */
  fill(): void {
    const page = Buffer.alloc(4_096);
    try {
      for (;;) writeFileSync(join(this.folder, BALLAST), page, { flag: 'a' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }

  /** Frees the space that `fill` took. */
  makeRoom(): void {
    rmSync(join(this.folder, BALLAST));
  }

  /** Unmounts the disk and removes its contents. */
  remove(): void {
    this.#unmount();
    process.off('exit', this.#unmount);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Returns why this process cannot mount a small disk, or undefined. */
export function whyNoSmallDisk(): string | undefined {
  try {
    const disk = new SmallDisk(1);
    chmodSync(disk.folder, 0o700);
    disk.remove();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function mount(...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync('mount', args, { encoding: 'utf8' });
  if (status !== 0)
    throw new Error(`a small disk cannot be mounted here: ${error?.message ?? stderr.trim()}`);
}
