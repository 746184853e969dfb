import { readdirSync, readFileSync } from 'node:fs';

/** The unit of processor time in Linux's /proc. */
const TICKS_PER_SECOND = 100;

interface ProcessTimes {
  readonly parent: number;
  readonly ticks: number;
}

/** Processor seconds of a process and of its ended children. NaN without /proc. */
export function cpuSecondsOf(pid: number): number {
  const times = timesOf(pid);
  return times === undefined ? Number.NaN : times.ticks / TICKS_PER_SECOND;
}

/** Processor seconds of a process and all its running descendants, such as PostgreSQL's backends. */
export function cpuSecondsOfFamily(pid: number): number {
  const all = allTimes();
  if (!all.has(pid)) return Number.NaN;
  const family = new Set([pid]);
  // Repeat until no process is added: after a wrap of the numbers a child may come before its parent.
  for (let before = 0; before < family.size; ) {
    before = family.size;
    for (const [child, { parent }] of all) if (family.has(parent)) family.add(child);
  }
  let ticks = 0;
  for (const member of family) ticks += all.get(member)?.ticks ?? 0;
  return ticks / TICKS_PER_SECOND;
}

function allTimes(): ReadonlyMap<number, ProcessTimes> {
  const all = new Map<number, ProcessTimes>();
  try {
    for (const name of readdirSync('/proc')) {
      const times = /^\d+$/.test(name) ? timesOf(Number(name)) : undefined;
      if (times !== undefined) all.set(Number(name), times);
    }
  } catch {
    // Without /proc there are no figures.
  }
  return all;
}

function timesOf(pid: number): ProcessTimes | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return undefined;
  }
}

/** Parses /proc/PID/stat. The program's name, in parentheses, may contain any character. */
export function parseStat(stat: string): ProcessTimes {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // The fields after the name: state, parent, …; user and system time, of the process and of its ended
  // children.
  const ticks = [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0);
  return { parent: Number(fields[1]), ticks };
}
