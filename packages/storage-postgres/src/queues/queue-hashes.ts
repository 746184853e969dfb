import { errorText, type Logger, OtherQueueError, type QueueError, silentLogger } from '@querator/core';
import type { Database, Session } from '../database/database.ts';
import { isMd5Fault } from '../errors/postgres-error.ts';
import { lockSchema } from '../schema/fixed-schema.ts';
import { QUEUES, QUEUES_BY_HASH } from '../schema/tables/queues.ts';
import { type NamesSession, namesOfQueues } from '../sql/queue-names.ts';
import { queueHash } from '../sql/table-name.ts';

const LOCK = 'queue hashes';

/**
 * Makes sure that no two queues have names with the same hash. An index does that,
 * with md5() in its expression. A server in FIPS mode refuses md5(), and with it every
 * row. There the index is dropped, and names are compared under a lock.
 */
export class QueueHashes {
  readonly #db: Database;
  readonly #logger: Logger;

  constructor(deps: { readonly db: Database; readonly logger?: Logger | undefined }) {
    this.#db = deps.db;
    this.#logger = deps.logger ?? silentLogger;
  }

  /** Runs a statement that writes rows of queues. Drops the index and repeats it if md5() was refused. */
  async writing<T>(write: () => Promise<T>): Promise<T> {
    try {
      return await write();
    } catch (error) {
      if (!isMd5Fault(error) || !(await this.#isRefused())) throw error;
    }
    await this.#dropIndex();
    return await write();
  }

  /** Makes other creators of queues wait until the transaction ends. */
  async lock(session: Session): Promise<void> {
    await lockSchema(session, LOCK);
  }

  /** Another queue whose name has the same hash. Undefined if there is none. */
  async findOther(names: NamesSession, name: string): Promise<string | undefined> {
    const hash = queueHash(name);
    for await (const other of namesOfQueues(names)) {
      if (other !== name && queueHash(other) === hash) return other;
    }
    return undefined;
  }

  /** Whether the server refuses md5(), or something else failed in the same way. */
  async #isRefused(): Promise<boolean> {
    try {
      await this.#db.read({ text: `SELECT md5('querator')` });
      return false;
    } catch (error) {
      return isMd5Fault(error);
    }
  }

  async #dropIndex(): Promise<void> {
    const index = this.#db.schema.relation(QUEUES_BY_HASH);
    await this.#db.maintenance((session) => session.query({ text: `DROP INDEX IF EXISTS ${index}` }));
    this.#logger.info('PostgreSQL refuses md5(), as in FIPS mode; queues are compared without its index', {
      storage: this.#db.name,
      index: QUEUES_BY_HASH,
      table: QUEUES,
    });
  }
}

/** The error for a queue whose name has the hash of another one. */
export function hashTaken(name: string, other: string): QueueError {
  return new OtherQueueError(
    other,
    (named) =>
      errorText`invalid queue; '${name}' cannot be stored beside ${named}, as their tables would have the same name`,
  );
}
