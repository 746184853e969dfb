import type pg from 'pg';
import type { Traffic } from './traffic.ts';

/** The state of the database at one time. */
export interface Sample {
  readonly seconds: number;
  readonly tableBytes: number;
  readonly indexBytes: number;
  readonly toastBytes: number;
  readonly liveRows: number;
  readonly deadRows: number;
  readonly autovacuums: number;
  /** WAL since the last sample, divided by the items completed since. */
  readonly walBytesPerItem: number;
  readonly itemsPerSecond: number;
  /** The 99th percentile of the leases since the last sample. */
  readonly leaseMs: number;
}

interface Row {
  readonly table_bytes: number;
  readonly index_bytes: number;
  readonly toast_bytes: number;
  readonly live: number;
  readonly dead: number;
  readonly vacuums: number;
  readonly wal: number;
}

const LOOK = `
  SELECT pg_relation_size(main.oid)::float8 AS table_bytes, pg_indexes_size(main.oid)::float8 AS index_bytes,
    coalesce(pg_total_relation_size(nullif(main.reltoastrelid, 0)), 0)::float8 AS toast_bytes,
    n_live_tup::float8 AS live, n_dead_tup::float8 AS dead, autovacuum_count::float8 AS vacuums,
    pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8 AS wal
  FROM pg_class AS main JOIN pg_stat_user_tables AS stat ON stat.relid = main.oid
  WHERE main.oid = $1::regclass`;

/** Takes samples of one table under traffic. */
export class Sampler {
  readonly #client: pg.Client;
  readonly #table: string;
  readonly #traffic: Traffic;
  readonly #started = performance.now();
  #last: { readonly at: number; readonly wal: number; readonly completed: number } | undefined;

  constructor(client: pg.Client, table: string, traffic: Traffic) {
    this.#client = client;
    this.#table = table;
    this.#traffic = traffic;
  }

  async take(): Promise<Sample> {
    const { rows } = await this.#client.query<Row>(LOOK, [this.#table]);
    const row = rows[0];
    if (row === undefined) throw new Error(`no table ${this.#table}`);
    const at = performance.now();
    const { completed, leaseMs } = this.#traffic;
    const last = this.#last ?? { at: this.#started, wal: row.wal, completed: 0 };
    this.#last = { at, wal: row.wal, completed };
    const done = completed - last.completed;
    const sorted = leaseMs.splice(0).sort((a, b) => a - b);
    return {
      seconds: Math.round((at - this.#started) / 1_000),
      tableBytes: row.table_bytes,
      indexBytes: row.index_bytes,
      toastBytes: row.toast_bytes,
      liveRows: row.live,
      deadRows: row.dead,
      autovacuums: row.vacuums,
      walBytesPerItem: done > 0 ? (row.wal - last.wal) / done : 0,
      itemsPerSecond: (done * 1_000) / Math.max(1, at - last.at),
      leaseMs: sorted[Math.floor(sorted.length * 0.99)] ?? 0,
    };
  }
}

/** The heading, and a line per sample. */
export const SAMPLE_HEAD =
  '   s  table MB  index MB  TOAST MB    live    dead  vacuums  WAL B/item  items/s  lease p99 ms';

export function formatSample(sample: Sample): string {
  const megabytes = (bytes: number) => (bytes / 1_048_576).toFixed(1);
  return [
    String(sample.seconds).padStart(4),
    megabytes(sample.tableBytes).padStart(9),
    megabytes(sample.indexBytes).padStart(9),
    megabytes(sample.toastBytes).padStart(9),
    String(sample.liveRows).padStart(7),
    String(sample.deadRows).padStart(7),
    String(sample.autovacuums).padStart(8),
    sample.walBytesPerItem.toFixed(0).padStart(11),
    sample.itemsPerSecond.toFixed(0).padStart(8),
    sample.leaseMs.toFixed(1).padStart(13),
  ].join(' ');
}
