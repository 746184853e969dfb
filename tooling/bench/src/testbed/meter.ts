import type { Outcome } from '../workload/work.ts';
import { cpuSecondsOf, cpuSecondsOfFamily } from './process-cpu.ts';
import { databaseOf, type Measured } from './sides.ts';
import type { TestBed } from './test-bed.ts';

/** The cost of an item. NaN: unknown on this machine. */
export interface CostPerItem {
  /** Microseconds of processor time. */
  readonly serverCpuUs: number;
  readonly postgresCpuUs: number;
  readonly loadCpuUs: number;
  readonly walBytes: number;
  /** Transactions with writes. */
  readonly commits: number;
  /** Statements of all clients except the bench. */
  readonly statements: number;
}

interface Reading {
  readonly server: number;
  readonly postgres: number;
  readonly wal: number;
  readonly transactions: number;
  readonly statements: number;
}

const COUNTERS = `
  SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 AS wal,
    pg_snapshot_xmax(pg_current_snapshot())::text::float8 AS transactions`;
/** Excludes the meter's own statements, and statements within functions. */
const STATEMENTS = `
  SELECT coalesce(sum(calls), 0)::float8 AS statements FROM pg_stat_statements
  WHERE toplevel AND query NOT LIKE '%pg_stat_statements%' AND query NOT LIKE '%pg_current_wal_insert_lsn%'`;

/** Reads the counters right before and after a measurement over HTTP. */
export class Meter {
  readonly #bed: TestBed;
  last: CostPerItem | undefined;

  constructor(bed: TestBed) {
    this.#bed = bed;
  }

  readonly measured: Measured = async (measurement) => {
    const before = await this.#read();
    const outcome = await measurement();
    const after = await this.#read();
    this.last = costOf(outcome, before, after);
    return outcome;
  };

  async #read(): Promise<Reading> {
    const site = await this.#bed.site();
    const { admin } = databaseOf(site);
    const { rows } = await admin.query<{ wal: number; transactions: number }>(COUNTERS);
    const counted = this.#bed.options.countStatements
      ? (await admin.query<{ statements: number }>(STATEMENTS)).rows[0]
      : undefined;
    return {
      server: cpuSecondsOf(site.server.pid),
      postgres: cpuSecondsOfFamily(this.#bed.cluster.pid ?? 0),
      wal: rows[0]?.wal ?? Number.NaN,
      transactions: rows[0]?.transactions ?? Number.NaN,
      statements: counted?.statements ?? Number.NaN,
    };
  }
}

function costOf({ items, cpuSeconds }: Outcome, before: Reading, after: Reading): CostPerItem {
  const perItem = (name: keyof Reading) => (after[name] - before[name]) / items;
  return {
    serverCpuUs: perItem('server') * 1e6,
    postgresCpuUs: perItem('postgres') * 1e6,
    loadCpuUs: (cpuSeconds / items) * 1e6,
    walBytes: perItem('wal'),
    commits: perItem('transactions'),
    statements: perItem('statements'),
  };
}
