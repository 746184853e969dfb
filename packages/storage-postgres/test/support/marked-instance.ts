import { type ItemId, type LeasedItem, type PartitionKey, SystemRandom } from '@querator/core';
import { ManualClock } from '@querator/core/testing';
import { Database, type Statement } from '../../src/database/database.ts';
import { itemsTableName, PoolRegistry } from '../../src/index.ts';
import { LowWaterMark } from '../../src/low-water-mark/low-water-mark.ts';
import { lease } from '../../src/operations/lease.ts';
import { produceAndLease } from '../../src/operations/produce-and-lease.ts';
import { DEFAULT_TIME_LIMITS } from '../../src/settings/time-limits.ts';
import { PartitionTable } from '../../src/sql/partition-table.ts';
import { HOUR, item } from './contents.ts';

/** A statement that writes an item by hand, as one of our producers would, with a new number. */
export function insertByHand(key: PartitionKey): string {
  return `
    INSERT INTO ${itemsTableName(key)} (id, expire_deadline, created_at, reference, payload)
    SELECT '0' || lpad(to_hex(nextval('querator_item_id') << 17), 16, '0') || 'abcdefghij',
      now() + interval '1 hour', now(), 'by hand', ''
    RETURNING id`;
}

/** The leases of one server, on a clock moved by hand, so that a snapshot follows each of them. */
export class MarkedInstance {
  readonly clock = new ManualClock();
  readonly #mark: LowWaterMark;
  readonly #context;
  readonly #share;
  #looking: Promise<unknown> = Promise.resolve();

  constructor(connectionString: string, key: PartitionKey) {
    const limits = DEFAULT_TIME_LIMITS;
    this.#share = new PoolRegistry().share(connectionString, { limits });
    const random = new SystemRandom();
    const db = new Database({ name: 'instance', share: this.#share, limits, random });
    const table = new PartitionTable(key);
    this.#context = { db, random, clock: undefined, table };
    const read = <Row>(statement: Statement) => {
      const looking = db.read<Row>(statement);
      this.#looking = looking.catch(() => {});
      return looking;
    };
    this.#mark = new LowWaterMark({ db: { read }, table, clock: this.clock });
  }

  get mark(): ItemId {
    return this.#mark.mark;
  }

  async lease(limit: number): Promise<readonly LeasedItem[]> {
    await this.clock.advance('100ms');
    const batch = { limit, leaseTimeout: HOUR };
    const items = await this.#mark.lease((from) => lease(this.#context, batch, from));
    await this.#looking;
    return items;
  }

  async produceAndLease(reference: string): Promise<readonly LeasedItem[]> {
    const requests = [{ items: [item(reference)] }];
    const batch = { limit: 1, leaseTimeout: HOUR };
    const { leased } = await this.#mark.produceAndLease((from) =>
      produceAndLease(this.#context, requests, HOUR, batch, from),
    );
    return leased;
  }

  released(ids: readonly ItemId[]): void {
    this.#mark.released(ids);
  }

  /** Closes its connections. */
  close(): Promise<void> {
    return this.#share.release();
  }
}
