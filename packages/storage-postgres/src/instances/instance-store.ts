import {
  type Clock,
  INSTANCE_RECORD_TIMEOUT,
  INSTANCE_TIMEOUT,
  type Instance,
  type InstanceRecord,
  type InstanceStore,
  type InstanceView,
  toMilliseconds,
  UNSET_INSTANT,
  type UnrecordedInstance,
} from '@querator/core';
import type { Database } from '../database/database.ts';
import type { TableCalls, TableProvisioner } from '../database/table-calls.ts';
import { INSTANCES } from '../schema/separate-tables.ts';
import type { SignalChannel } from '../signals/signal-channel.ts';
import { asciiText, fromAsciiText } from '../sql/ascii-json.ts';
import { nowParameter, nowSql } from '../sql/partition-table.ts';
import { instantFromText } from '../wire/instant-text.ts';
import { unrecordedInstances } from './unrecorded-instances.ts';

const [TABLE = ''] = INSTANCES.relations;
const NOW = nowSql('$3');
const ago = (ms: number) => `${NOW} - interval '${ms} milliseconds'`;

/** A record lost in a crash is written again within seconds, so do not wait for the disk. */
const WITHOUT_WAIT = `pg_catalog.set_config('synchronous_commit', 'off', true)`;

/**
 * Writes the own row, removes old ones and reads the rest. Rows that another process
 * is about to remove or to write are skipped, so that no two processes wait for each
 * other. The rows that are read are those before the statement, so the own row comes
 * from the INSERT.
 */
const beat = (table: string) => `
  WITH old AS (
    DELETE FROM ${table} WHERE id IN (
      SELECT id FROM ${table} WHERE heartbeat_at < ${ago(toMilliseconds(INSTANCE_RECORD_TIMEOUT))} AND id <> $1
      FOR UPDATE SKIP LOCKED)),
  own AS (
    INSERT INTO ${table} AS own (id, started_at, heartbeat_at, about) VALUES ($1, ${NOW}, ${NOW}, $2::jsonb)
    ON CONFLICT (id) DO UPDATE SET heartbeat_at = EXCLUDED.heartbeat_at, about = EXCLUDED.about
    RETURNING id, started_at, heartbeat_at, about)
  SELECT id, started_at::text AS "startedAt", heartbeat_at::text AS "heartbeatAt", about,
    ${NOW}::text AS now, ${WITHOUT_WAIT} AS setting
  FROM (
    SELECT * FROM own UNION ALL
    SELECT id, started_at, heartbeat_at, about FROM ${table}
    WHERE id <> $1 AND heartbeat_at >= ${ago(toMilliseconds(INSTANCE_TIMEOUT))}) AS live
  ORDER BY started_at, id`;

const remove = (table: string) => `
  WITH gone AS (DELETE FROM ${table} WHERE id = $1) SELECT ${WITHOUT_WAIT}`;

interface Row {
  readonly id: string;
  readonly startedAt: string;
  readonly heartbeatAt: string;
  readonly about: Partial<Omit<InstanceRecord, 'id'>>;
  readonly now: string;
}

/** The processes that run, in a table of their own; see core's `InstanceStore` for the contract. */
export class PostgresInstanceStore implements InstanceStore {
  readonly #db: Database;
  readonly #tables: TableProvisioner;
  readonly #calls: TableCalls;
  readonly #clock: Clock | undefined;
  readonly #signals: SignalChannel;
  #isWatching = false;

  constructor(deps: {
    readonly db: Database;
    readonly tables: TableProvisioner;
    readonly calls: TableCalls;
    /** Replaces the database's clock, for tests. */
    readonly clock: Clock | undefined;
    /** Notices processes of versions that keep no record. */
    readonly signals: SignalChannel;
  }) {
    this.#db = deps.db;
    this.#tables = deps.tables;
    this.#calls = deps.calls;
    this.#clock = deps.clock;
    this.#signals = deps.signals;
  }

  async beat({ id, ...about }: InstanceRecord): Promise<InstanceView> {
    const rows = await this.#send<Row>(beat, [
      id,
      JSON.stringify(withNames(about, asciiText)),
      nowParameter({ clock: this.#clock }),
    ]);
    const [first] = rows;
    return {
      now: first === undefined ? UNSET_INSTANT : instantFromText(first.now),
      instances: rows.map(toInstance),
      unrecorded: await this.#unrecorded(),
    };
  }

  watchUnrecorded(onChange: () => void): () => void {
    this.#isWatching = true;
    this.#signals.listen();
    return this.#signals.unmarked.watch(onChange);
  }

  async remove(id: string): Promise<void> {
    await this.#send(remove, [id]);
  }

  async #unrecorded(): Promise<readonly UnrecordedInstance[] | undefined> {
    if (!this.#isWatching) return [];
    const { unmarked } = this.#signals;
    // Without any, as nearly always, this sends nothing.
    return await this.#calls.track(() => unrecordedInstances(this.#db, unmarked));
  }

  /**
   * Sends a statement as a read: it may be repeated, and what the server refuses here
   * says nothing about items.
   */
  #send<R>(text: (table: string) => string, values: readonly unknown[]): Promise<readonly R[]> {
    return this.#calls.run(this.#tables, () =>
      this.#db.read<R>({ text: text(this.#db.schema.relation(TABLE)), values }),
    );
  }
}

/**
 * Names are stored in ASCII, because the database may lack characters of them: the
 * whole list would be missing.
 */
function withNames<About extends Row['about']>(about: About, change: (name: string) => string): About {
  const { name = '', storages = [] } = about;
  return {
    ...about,
    name: change(name),
    storages: storages.map((storage) => ({ ...storage, name: change(storage.name) })),
  };
}

/** A name of the table. One that is not in ASCII form was stored as it is. */
function nameFrom(stored: string): string {
  try {
    return fromAsciiText(stored);
  } catch {
    return stored;
  }
}

/** A row of a later version may lack what this one writes. */
function toInstance({ id, startedAt, heartbeatAt, about }: Row): Instance {
  const { name = '', version = '', storages = [], capabilities = [] } = withNames(about, nameFrom);
  return {
    ...{ id, name, version, storages, capabilities },
    startedAt: instantFromText(startedAt),
    heartbeatAt: instantFromText(heartbeatAt),
  };
}
