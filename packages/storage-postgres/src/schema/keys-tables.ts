import type { StorageError } from '@querator/core';
import { type LockingSession, withBriefLocks } from '../database/brief-locks.ts';
import type { Session } from '../database/database.ts';
import { keysTableName } from '../sql/table-name.ts';
import { lockSchema } from './fixed-schema.ts';
import { tableOwnerFault } from './foreign-code.ts';
import { type FoundTable, findTable } from './found-table.ts';
import { keysShapeFault } from './keys-table-check.ts';
import type { PartitionTablesDeps, WantedTable } from './partition-tables.ts';
import { claimOn, commentOn, ownerFromComment } from './table-owner.ts';
import { keysTable } from './tables/keys.ts';
import { renderTable } from './tables/render-ddl.ts';
import { ITEMS_STORAGE_PARAMETERS, renderParameters } from './tables/storage-parameters.ts';

/** What a table of keys is to the queue that wants to use it. */
type Finding =
  | 'usable'
  /** It does not say whose it is, as after a restore without comments. */
  | 'unnamed'
  /** It belongs to an earlier queue of that name. */
  | 'left-over'
  | 'missing';

/**
 * Creates and checks the tables of dedup keys. The keys of an earlier queue are removed
 * without proof of its deletion, unlike items: they protect that queue only, and a
 * server of an earlier version leaves them when it deletes a queue.
 */
export class KeysTables {
  readonly #deps: PartitionTablesDeps;
  /** Tables created for queues of which it is unknown whether they still exist. */
  readonly #unchecked = new Set<string>();

  constructor(deps: PartitionTablesDeps) {
    this.#deps = deps;
  }

  /**
   * Whether the partition has a table of keys that may be used. Creates nothing.
   *
   * @throws StorageError when the table must not be used.
   */
  async isThere(wanted: WantedTable): Promise<boolean> {
    const finding = await this.#find(wanted, (statement) => this.#deps.db.read(statement));
    return finding === 'usable';
  }

  /** Checks the table, and creates it if it is missing. The items table exists. */
  async provide(wanted: WantedTable): Promise<void> {
    const finding = await this.#find(wanted, (statement) => this.#deps.db.read(statement));
    const name = keysTableName(wanted.key);
    if (finding !== 'usable') await this.#create(wanted);
    if (finding !== 'usable' || this.#unchecked.has(name)) await this.#checkStillThere(wanted);
  }

  async #create(wanted: WantedTable): Promise<void> {
    const { key, identity } = wanted;
    const { db, limits, creations, logger, storage } = this.#deps;
    const table = keysTable(key.queue, key.partition);
    const name = keysTableName(key);
    const nameOf = (relation: string) => db.schema.relation(relation);
    await creations.run(() =>
      this.#exclusively(wanted, limits.lockMs, async (session) => {
        const finding = await this.#find(wanted, session.query);
        if (finding === 'usable') return;
        if (finding === 'unnamed') {
          await session.query({ text: commentOn(nameOf(name), identity) });
          return;
        }
        if (finding === 'left-over') {
          await session.waitBriefly();
          await session.query({ text: `DROP TABLE ${nameOf(name)}` });
          logger.info('removed the dedup keys of an earlier queue of that name', { storage, table: name });
        }
        const parameters = renderParameters(ITEMS_STORAGE_PARAMETERS);
        const statements = renderTable(table, { parameters, nameOf, isNew: true });
        await session.query({ text: [...statements, commentOn(nameOf(name), identity)].join(';\n') });
      }),
    );
  }

  /** A queue that was deleted while its table was created must not keep it. */
  async #checkStillThere(wanted: WantedTable): Promise<void> {
    const { key, owner } = wanted;
    if (owner === undefined) return;
    const name = keysTableName(key);
    this.#unchecked.add(name);
    const isThere = await owner.isThere();
    if (!isThere) {
      const { db, limits } = this.#deps;
      await this.#exclusively(wanted, limits.lockMs, async (session) => {
        if ((await this.#find(wanted, session.query)) !== 'usable') return;
        await session.waitBriefly();
        await session.query({ text: `DROP TABLE ${db.schema.relation(name)}` });
      });
    }
    this.#unchecked.delete(name);
    if (!isThere) throw this.#refused(`queue '${key.queue}' was deleted by another process`);
  }

  /** @throws StorageError when the table must not be used. */
  async #find(wanted: WantedTable, send: Session['query']): Promise<Finding> {
    const { key, identity } = wanted;
    const name = keysTableName(key);
    const found = await findTable(send, this.#deps.db.schema.name, name);
    if (found === undefined) return 'missing';
    this.#deps.checkCode(name, found.code);
    await this.#checkHolder(wanted, found, send);
    const fault = keysShapeFault(found.shape);
    if (fault !== undefined) {
      throw this.#refused(`table ${name} cannot hold the dedup keys of queue '${key.queue}': it ${fault}`);
    }
    const holder = ownerFromComment(found.comment);
    switch (claimOn(holder, identity)) {
      case 'own':
        return 'usable';
      case 'unnamed':
        return 'unnamed';
      case 'left-over':
        return 'left-over';
      case 'superseded':
      case 'foreign':
        throw this.#refused(
          `table ${name} holds the dedup keys of another queue '${holder?.queue}'; where the queues were restored ` +
            `from an earlier backup, 'querator storage drop ${name} --force' deletes the keys`,
        );
    }
  }

  /**
   * The owner of the table can make new items count as duplicates, which are then not
   * stored. The owner of the items table could delete them anyway.
   *
   * @throws StorageError when the owner is another role.
   */
  async #checkHolder(
    { key, name }: WantedTable,
    { code }: FoundTable,
    send: Session['query'],
  ): Promise<void> {
    const fault = tableOwnerFault(keysTableName(key), code, 'could make new items count as duplicates');
    if (fault === undefined) return;
    const items = await findTable(send, this.#deps.db.schema.name, name);
    if (items?.code.owner !== code.owner) throw this.#refused(fault);
  }

  #exclusively(
    { key, name }: WantedTable,
    waitMs: number,
    work: (session: LockingSession) => Promise<void>,
  ): Promise<void> {
    const { db } = this.#deps;
    const locks = { tables: [keysTableName(key)], schema: () => db.schema.name, waitMs };
    return withBriefLocks(db, locks, async (session) => {
      // The lock of the items table: a deletion of the queue drops both.
      await lockSchema(session, name);
      await work(session);
    });
  }

  #refused(reason: string): StorageError {
    return this.#deps.refuse(reason);
  }
}
