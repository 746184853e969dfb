import { createHash } from 'node:crypto';
import type { PartitionKey } from '@querator/core';
import { getTableName } from 'drizzle-orm';
import type { PgTable } from 'drizzle-orm/pg-core';
import type { Database, Session } from './database.ts';
import { ITEM_ID_SEQUENCE, itemIdSequence } from './schema/item-id-sequence.ts';
import { itemsTable } from './schema/items.ts';
import { queuesTable } from './schema/queues.ts';
import { renderSequence, renderTable } from './schema/render-ddl.ts';
import type { TableCare } from './store-calls.ts';
import { itemsTableName } from './table-name.ts';

const FIXED = 'querator schema';

/**
 * Sees to it that tables are there before they are used. What was found or
 * made is remembered, a failure is not.
 */
export class SchemaKeeper {
  readonly #db: Database;
  readonly #known = new Map<string, Promise<void>>();

  constructor(db: Database) {
    this.#db = db;
  }

  /** The table of queues, and the sequence of item ids. */
  get fixed(): TableCare {
    return { ensure: () => this.#ensureFixed(), forget: () => void this.#known.delete(FIXED) };
  }

  /** The table of a partition, and what it rests on. */
  partition(key: PartitionKey): TableCare {
    const name = itemsTableName(key);
    return {
      ensure: () => this.#once(name, () => this.#makePartition(name, key)),
      forget: () => {
        this.#known.delete(name);
        this.#known.delete(FIXED);
      },
    };
  }

  /** Drops a partition's table with all that is in it; the next use makes a new one. */
  async dropPartition(key: PartitionKey): Promise<void> {
    const name = itemsTableName(key);
    this.#known.delete(name);
    await this.#db.maintenance(async (session) => {
      await lockSchemaOf(session, name);
      await session.query({ text: `DROP TABLE IF EXISTS ${name}` });
    });
    this.#known.delete(name);
  }

  #ensureFixed(): Promise<void> {
    return this.#once(FIXED, () =>
      this.#create(
        FIXED,
        [getTableName(queuesTable), ITEM_ID_SEQUENCE],
        [renderSequence(itemIdSequence), ...renderTable(queuesTable)],
      ),
    );
  }

  async #makePartition(name: string, key: PartitionKey): Promise<void> {
    await this.#ensureFixed();
    const table: PgTable = itemsTable(key.queue, key.partition);
    await this.#create(name, [name], renderTable(table));
  }

  #once(name: string, make: () => Promise<void>): Promise<void> {
    let known = this.#known.get(name);
    if (known === undefined) {
      known = make().catch((error: unknown) => {
        if (this.#known.get(name) === known) this.#known.delete(name);
        throw error;
      });
      this.#known.set(name, known);
    }
    return known;
  }

  /**
   * Looks first: mostly everything is there, and a user who may not create
   * tables can still use them. A table comes with its indexes or not at all,
   * so that seeing the table is enough.
   */
  async #create(lock: string, relations: readonly string[], statements: readonly string[]): Promise<void> {
    const [row] = await this.#db.read<{ missing: boolean }>({
      text: 'SELECT bool_or(to_regclass(relation) IS NULL) AS missing FROM unnest($1::text[]) AS relation',
      values: [relations],
    });
    if (row?.missing === false) return;
    await this.#db.maintenance(async (session) => {
      await lockSchemaOf(session, lock);
      for (const text of statements) await session.query({ text });
    });
  }
}

/**
 * One creator at a time, over all processes: PostgreSQL's IF NOT EXISTS alone
 * lets two of them collide. The lock ends with the transaction.
 */
async function lockSchemaOf(session: Session, name: string): Promise<void> {
  const key = createHash('sha256').update(`querator:${name}`).digest().readBigInt64BE();
  await session.query({ text: 'SELECT pg_advisory_xact_lock($1::bigint)', values: [key.toString()] });
}
