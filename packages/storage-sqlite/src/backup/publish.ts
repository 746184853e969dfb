import { existsSync, linkSync, renameSync, unlinkSync } from 'node:fs';

/** Errors of file systems without hard links. */
const NO_LINKS: ReadonlySet<string | undefined> = new Set([
  'EPERM',
  'ENOSYS',
  'ENOTSUP',
  'EOPNOTSUPP',
  'EMLINK',
]);

/** Gives a finished file its name. @throws an error with the code EEXIST if something has that name. */
export function publish(draft: string, target: string): void {
  try {
    // Unlike a rename, it never replaces a file.
    linkSync(draft, target);
  } catch (error) {
    if (!NO_LINKS.has((error as NodeJS.ErrnoException).code)) throw error;
    if (existsSync(target)) throw Object.assign(new Error('it exists'), { code: 'EEXIST' });
    renameSync(draft, target);
    return;
  }
  unlinkSync(draft);
}
