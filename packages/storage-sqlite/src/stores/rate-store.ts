import type { QueueCounts, RateStore, Rates, RatesRequest } from '@querator/core';
import type { Database } from '../database/database.ts';

/** What happened to queues, in the file of the queues. */
export class SqliteRateStore implements RateStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  add(counts: readonly QueueCounts[]): Promise<void> {
    return this.#database.call('addRates', { counts });
  }

  read(request: RatesRequest): Promise<Rates> {
    return this.#database.read('readRates', request);
  }
}
