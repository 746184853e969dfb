import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The contents of `postmaster.pid` of a running PostgreSQL. */
export interface PostmasterFile {
  readonly pid: number;
  readonly port: number;
  /** `starting`, `ready`, `stopping` or `standby`; empty before the first one is written. */
  readonly status: string;
}

/** Reads `postmaster.pid`. Undefined if it is missing or incomplete. */
export function readPostmasterFile(pgdata: string): PostmasterFile | undefined {
  let text: string;
  try {
    text = readFileSync(join(pgdata, 'postmaster.pid'), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  // Lines: pid, data folder, start time, port, socket folder, address, shared memory, status.
  const lines = text.split('\n');
  const pid = Math.abs(Number(lines[0]));
  if (!Number.isInteger(pid) || pid === 0) return undefined;
  return { pid, port: Number(lines[3] ?? 0), status: (lines[7] ?? '').trim() };
}
