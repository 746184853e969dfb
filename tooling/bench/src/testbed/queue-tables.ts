import { itemsTableName } from '@querator/storage-postgres';
import type pg from 'pg';

/** The contents of a queue's tables before a measurement. */
export interface Filling {
  readonly waiting?: number | undefined;
  /** Leased items. They are older than the waiting ones. */
  readonly leased?: number | undefined;
  readonly payloadBytes: number;
}

/** The positions of one statement below its number of the sequence. */
const ROWS_PER_STATEMENT = 100_000;
/** The low bits of an id's number are the position in its statement, as in the driver. */
const POSITION_BITS = 17;

/** Fills the tables of queues by SQL, much faster than by requests. */
export class QueueTables {
  readonly #admin: pg.Client;

  constructor(admin: pg.Client) {
    this.#admin = admin;
  }

  /**
   * Empties a queue and fills it again, evenly over its partitions, with items as
   * the driver writes them. Vacuums and analyses the tables, as autovacuum would in
   * time, and makes a checkpoint, so that none falls into the measurement.
   */
  async fill(queue: string, partitions: number, filling: Filling): Promise<void> {
    const { waiting = 0, leased = 0, payloadBytes } = filling;
    for (let partition = 0; partition < partitions; partition++) {
      const table = itemsTableName({ queue, partition });
      await this.#admin.query(`TRUNCATE "${table}"`);
      await this.#insert(table, Math.ceil(leased / partitions), { payloadBytes, isLeased: true });
      await this.#insert(table, Math.ceil(waiting / partitions), { payloadBytes, isLeased: false });
      await this.#admin.query(`VACUUM ANALYZE "${table}"`);
    }
    await this.#admin.query('CHECKPOINT');
  }

  /** The ids of leased items, in order, by partition. */
  async leasedIds(queue: string, partitions: number): Promise<string[][]> {
    const ids: string[][] = [];
    for (let partition = 0; partition < partitions; partition++) {
      const { rows } = await this.#admin.query<[string]>({
        text: `SELECT id FROM "${itemsTableName({ queue, partition })}" WHERE is_leased ORDER BY id`,
        rowMode: 'array',
      });
      ids.push(rows.map(([id]) => id));
    }
    return ids;
  }

  async #insert(
    table: string,
    rows: number,
    { payloadBytes, isLeased }: { readonly payloadBytes: number; readonly isLeased: boolean },
  ): Promise<void> {
    for (let done = 0; done < rows; done += ROWS_PER_STATEMENT) {
      await this.#admin.query(
        `INSERT INTO "${table}"
           (id, expire_deadline, created_at, payload, is_leased, attempts, lease_deadline)
         SELECT '0' || lpad(to_hex((number << ${POSITION_BITS}) + position - 1), 16, '0')
             || substr(md5(random()::text), 1, 10),
           now() + interval '1 day', now(), payload, $3::boolean, $3::boolean::int,
           CASE WHEN $3::boolean THEN now() + interval '1 hour' END
         FROM (SELECT nextval('querator_item_id') AS number, decode(repeat('61', $2), 'hex') AS payload) AS once,
           generate_series(1, $1::int) AS position`,
        [Math.min(ROWS_PER_STATEMENT, rows - done), payloadBytes, isLeased],
      );
    }
  }
}
