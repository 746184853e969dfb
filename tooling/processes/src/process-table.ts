import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import process from 'node:process';

const hasProc = existsSync('/proc/self/stat');

/** The fields after the command name, which may contain blanks and brackets. */
function statFields(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

/** Whether a process runs. A zombie does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return !hasProc || statFields(pid)?.[0] !== 'Z';
}

/**
 * Distinguishes this process from a later one with the same number: its start in
 * clock ticks. Empty if unknown.
 */
export function birthMark(pid: number): string {
  if (!hasProc) return '';
  return statFields(pid)?.[19] ?? '';
}

/** The direct children of a process. */
export function childrenOf(pid: number): number[] {
  if (!hasProc) {
    const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' });
    const rows = (stdout ?? '').split('\n').map((row) => row.trim().split(/\s+/).map(Number));
    return rows.flatMap(([child, parent]) => (parent === pid && child !== undefined ? [child] : []));
  }
  const numbers = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return numbers.map(Number).filter((child) => statFields(child)?.[1] === String(pid));
}

/** Whether a process works in a folder. The working directory of a postmaster is its data folder. */
export function worksIn(pid: number, folder: string): boolean {
  if (hasProc) {
    try {
      return readlinkSync(`/proc/${pid}/cwd`) === folder;
    } catch {
      return false;
    }
  }
  const { stdout } = spawnSync('ps', ['-p', String(pid), '-o', 'command='], { encoding: 'utf8' });
  return (stdout ?? '').includes(folder);
}

/** Sends a signal. Ignores a process that has ended. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
