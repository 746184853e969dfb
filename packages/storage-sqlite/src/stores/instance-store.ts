import type { InstanceRecord, InstanceStore, InstanceView } from '@querator/core';
import type { Database } from '../database/database.ts';

/** The records of the programs that use a file: all of them in this process. */
export class SqliteInstanceStore implements InstanceStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  beat(record: InstanceRecord): Promise<InstanceView> {
    return this.#database.call('beatInstance', { record });
  }

  remove(id: string): Promise<void> {
    return this.#database.call('removeInstance', { id });
  }
}
