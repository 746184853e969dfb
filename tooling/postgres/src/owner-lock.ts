import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { birthMark, isAlive } from '@querator/tooling-processes';

interface Owner {
  readonly pid: number;
  readonly born: string;
}

function readOwner(file: string): Owner | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Owner;
  } catch {
    return undefined;
  }
}

/**
 * Restricts a data folder to one Node process. Otherwise a second one would take
 * the first one's PostgreSQL for a leftover and stop it.
 *
 * @returns a function that releases the folder.
 */
export function takeOwnership(file: string, folder: string): () => void {
  const me: Owner = { pid: process.pid, born: birthMark(process.pid) };
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      writeFileSync(file, JSON.stringify(me), { flag: 'wx', mode: 0o600 });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const owner = readOwner(file);
    if (owner !== undefined && isAlive(owner.pid) && birthMark(owner.pid) === owner.born) {
      throw new Error(`The database in ${folder} is in use by process ${owner.pid}.`);
    }
    rmSync(file, { force: true });
  }
  throw new Error(`The database in ${folder} is being started by another process.`);
}
