import {
  CLOSURE_MARGIN,
  type Clock,
  type Duration,
  errorText,
  type Instant,
  invalid,
  type Logger,
  type MakeAuditEvent,
  type NewQueue,
  type Queue,
  type QueueListRequest,
  type QueueRelations,
  type QueueStamp,
  type QueueStore,
  queueExists,
} from '@querator/core';
import { lockNamespace } from './access/lock-namespace.ts';
import { insertEvents } from './audit/audit-rows.ts';
import type { Database, Session } from './database/database.ts';
import { allTables, type TableCalls, type TableProvisioner } from './database/table-calls.ts';
import { ALREADY_THERE, PostgresError } from './errors/postgres-error.ts';
import { closeStatement, closureInForce } from './queues/closures.ts';
import { type DeletionRecords, deleteQueueFrom } from './queues/deletion-records.ts';
import { hashTaken, QueueHashes } from './queues/queue-hashes.ts';
import {
  findUser,
  lockQueues,
  markEnding,
  type QueuesSession,
  readRelations,
} from './queues/queue-relations.ts';
import { insertInto, stampsOf, updateIn } from './queues/queue-statements.ts';
import { type QueueRow, queueToValues, rowToQueue } from './queues/row-to-queue.ts';
import { pausing, placing, resizing, type StoredChange } from './queues/stored-changes.ts';
import type { SchemaManager } from './schema/schema-manager.ts';
import { AUDIT } from './schema/tables/audit.ts';
import { QUEUES, QUEUES_BY_HASH } from './schema/tables/queues.ts';
import { nowSql } from './sql/partition-table.ts';
import { holds, isRefusedData, LACKS, type NamedTexts, refusedField } from './sql/refused-data.ts';
import { durationToText, instantFromText, instantToText } from './wire/instant-text.ts';

type StampRow = Pick<QueueRow, 'name' | 'created_at' | 'updated_at'>;

/** The tables that a call uses besides that of queues. */
interface UsedTables {
  /** That of events, if there is one of this change. */
  readonly audit?: MakeAuditEvent | undefined;
  /** Those of access control. */
  readonly namespaces?: boolean;
}

type NamedSettings = Pick<NewQueue, 'name' | 'deadQueue'> & Partial<NewQueue>;

/** Queues in the table `querator_queues`; see core's `QueueStore` for the contract. */
export class PostgresQueueStore implements QueueStore {
  readonly #db: Database;
  readonly #schema: SchemaManager;
  readonly #tables: TableProvisioner;
  readonly #auditedTables: TableProvisioner;
  readonly #calls: TableCalls;
  readonly #clock: Clock | undefined;
  readonly #deletions: DeletionRecords | undefined;
  readonly #hashes: QueueHashes;

  constructor(deps: {
    readonly db: Database;
    readonly schema: SchemaManager;
    readonly calls: TableCalls;
    readonly clock: Clock | undefined;
    /** Where deletions are recorded. Undefined: nowhere. */
    readonly deletions?: DeletionRecords | undefined;
    readonly logger?: Logger | undefined;
  }) {
    this.#db = deps.db;
    this.#schema = deps.schema;
    this.#tables = deps.schema.fixed;
    this.#auditedTables = allTables(deps.schema.fixed, deps.schema.audit);
    this.#calls = deps.calls;
    this.#clock = deps.clock;
    this.#deletions = deps.deletions;
    this.#hashes = new QueueHashes(deps);
  }

  async create(
    queue: NewQueue,
    check: (relations: QueueRelations) => void = () => {},
    audit?: MakeAuditEvent,
    { namespaceMustExist = false }: { readonly namespaceMustExist?: boolean | undefined } = {},
  ): Promise<Queue> {
    const now = this.#now();
    const { name, namespace, deadQueue } = queue;
    const insert = (index: string | null) => ({
      text: insertInto(this.#queues),
      values: [...queueToValues(queue), now, index],
    });
    const insertChecked = (index: string | null) =>
      this.#db.transaction(async (session) => {
        const queues = this.#in(session);
        if (namespaceMustExist) await lockNamespace(session, this.#db.schema, namespace);
        if (index === null) {
          await this.#hashes.lock(session);
          const other = await this.#hashes.findOther(queues, name);
          if (other !== undefined) throw hashTaken(name, other);
        }
        if (deadQueue !== '') {
          const locked = await lockQueues(queues, [deadQueue], now);
          check(await readRelations(queues, name, locked.get(deadQueue)));
        }
        const rows = await session.query<QueueRow>(insert(index));
        if (rows.length > 0) await this.#record(session, audit);
        return rows;
      });
    const store = async () => {
      const index = this.#db.schema.relation(QUEUES_BY_HASH);
      const isAlone = deadQueue === '' && audit === undefined && !namespaceMustExist;
      const stored = await (isAlone ? this.#db.write<QueueRow>(insert(index)) : insertChecked(index));
      return stored.length > 0 ? stored : await insertChecked(null);
    };
    try {
      const rows = await this.#write(store, { audit, namespaces: namespaceMustExist });
      return rowToQueue(rows[0] as QueueRow);
    } catch (error) {
      if (error instanceof PostgresError && error.sqlState === ALREADY_THERE) {
        throw await this.#nameTaken(queue.name);
      }
      throw isRefusedData(error) ? await this.#refused(error, queue) : error;
    }
  }

  async get(name: string): Promise<Queue | undefined> {
    const rows = await this.#find([name], [], () =>
      this.#db.read<QueueRow>({
        text: `SELECT *, ${nowSql('$2')} AS read_at FROM ${this.#queues} WHERE name = $1`,
        values: [name, this.#now()],
      }),
    );
    const [row] = rows;
    return row && rowToQueue(row);
  }

  async stamps(names: readonly string[]): Promise<ReadonlyMap<string, QueueStamp>> {
    const rows = await this.#findStamps(names);
    const stampOf = (row: (typeof rows)[number]): QueueStamp => ({
      createdAt: instantFromText(row.created_at),
      updatedAt: instantFromText(row.updated_at),
    });
    return new Map(rows.map((row) => [row.name, stampOf(row)]));
  }

  async list({ namespace, pivot, limit }: QueueListRequest): Promise<readonly Queue[]> {
    const names = namespace === undefined ? [pivot] : [pivot, namespace];
    const rows = await this.#find(names, undefined, () => {
      const text = `
        SELECT *, ${nowSql('$2')} AS read_at FROM ${this.#queues}
        WHERE name >= $3${namespace === undefined ? '' : ' AND namespace = $4'} ORDER BY name LIMIT $1`;
      return this.#db.read<QueueRow>({ text, values: [limit, this.#now(), ...names] });
    });
    if (rows !== undefined) return rows.map(rowToQueue);
    // No queue is in a namespace whose name the database cannot hold. But the database
    // cannot tell where such a name begins in the order of names.
    if (await holds(this.#db, [pivot])) return [];
    throw invalid(errorText`pivot is invalid; it ${LACKS}`);
  }

  update(
    name: string,
    change: (stored: Queue, relations: QueueRelations | undefined) => NewQueue,
    deadQueue = '',
    audit?: MakeAuditEvent,
  ): Promise<Queue | undefined> {
    const now = this.#now();
    let asked: NewQueue | undefined;
    const done = this.#write(
      () =>
        this.#db.transaction(async (session) => {
          const names = deadQueue === '' ? [name] : [name, deadQueue];
          const locked = await lockQueues(this.#in(session), names, now);
          const stored = locked.get(name);
          if (stored === undefined) return undefined;
          const relations =
            deadQueue === ''
              ? undefined
              : await readRelations(this.#in(session), name, locked.get(deadQueue));
          const wanted = change(rowToQueue(stored), relations);
          asked = wanted;
          const values = [
            ...[name, wanted.leaseTimeout, wanted.expireTimeout, wanted.deadQueue, wanted.maxAttempts],
            ...[wanted.reference, wanted.requestedPartitions, now],
          ];
          const [updated] = await session.query<QueueRow>({ text: updateIn(this.#queues), values });
          if (updated !== undefined) await this.#record(session, audit);
          return updated && rowToQueue(updated);
        }),
      { audit },
    );
    return done.catch(async (error: unknown) => {
      if (!isRefusedData(error)) throw error;
      // No queue has a name that the database cannot hold.
      if (!(await holds(this.#db, [name]))) return undefined;
      throw await this.#refused(error, asked ?? { name, deadQueue });
    });
  }

  pause(...[name, changes, audit]: Parameters<Required<QueueStore>['pause']>): Promise<Queue | undefined> {
    return this.#change(name, pausing(changes), audit);
  }

  place(
    ...[name, createdAt, partition, change, audit]: Parameters<Required<QueueStore>['place']>
  ): Promise<Queue | undefined> {
    return this.#change(name, placing(createdAt, partition, change), audit);
  }

  resize(...[name, at, change, audit]: Parameters<Required<QueueStore>['resize']>) {
    return this.#change(name, resizing(at, change), audit);
  }

  beginDelete(
    name: string,
    createdAt: Instant,
    { timeout, check }: { readonly timeout: Duration; readonly check: (usedBy: string | undefined) => void },
  ): Promise<boolean> {
    const now = this.#now();
    const mark = () =>
      this.#db.transaction(async (session) => {
        const stored = (await lockQueues(this.#in(session), [name], now)).get(name);
        if (stored === undefined || rowToQueue(stored).createdAt !== createdAt) return false;
        check((await session.query<{ name: string }>(findUser(this.#queues, name)))[0]?.name);
        await session.query({ text: markEnding(this.#queues), values: [name, durationToText(timeout), now] });
        return true;
      });
    return this.#find([name], false, () => this.#hashes.writing(mark));
  }

  async close(
    name: string,
    createdAt: Instant,
    closure: { readonly token: string; readonly timeout: Duration | undefined },
  ): Promise<boolean> {
    const close = () =>
      this.#db.write(closeStatement(this.#queues, { name, createdAt }, closure, this.#now()));
    return (await this.#find([name], [], () => this.#hashes.writing(close))).length > 0;
  }

  async delete(
    name: string,
    createdAt?: Instant,
    check?: (usedBy: string | undefined, closure?: string) => void,
    audit?: MakeAuditEvent,
  ): Promise<boolean> {
    const values = [name, createdAt === undefined ? null : instantToText(createdAt)];
    const deleteChecked = (text: string) =>
      this.#db.transaction(async (session) => {
        const stored = (await lockQueues(this.#in(session), [name], this.#now())).get(name);
        if (stored === undefined) return [];
        const [user] = await session.query<{ name: string }>(findUser(this.#queues, name));
        const closure = closureInForce(stored.partitions[0]?.closure, stored.read_at, CLOSURE_MARGIN);
        // A later queue of that name is another queue.
        if (createdAt === undefined || rowToQueue(stored).createdAt === createdAt)
          check?.(user?.name, closure);
        const deleted = await session.query({ text, values });
        if (deleted.length > 0) await this.#record(session, audit);
        return deleted;
      });
    const isAlone = check === undefined && audit === undefined;
    const deleteBy = (text: string) => (isAlone ? this.#db.write({ text, values }) : deleteChecked(text));
    const deleted = await this.#find(
      [name],
      [],
      () => this.#deletions?.deleting(deleteBy) ?? deleteBy(deleteQueueFrom(this.#queues)),
      audit,
    );
    return deleted.length > 0;
  }

  async wasDeleted(name: string, createdAt: Instant): Promise<boolean> {
    return this.#find([name], false, async () => (await this.#deletions?.has(name, createdAt)) ?? false);
  }

  async forgetDeletion(name: string, createdAt: Instant): Promise<void> {
    await this.#find([name], undefined, async () => this.#deletions?.done(name, createdAt));
  }

  async partitionCounts(): Promise<ReadonlyMap<string, number>> {
    const text = () => `
      SELECT placed ->> 'storageName' AS name, count(*)::int AS partitions
      FROM ${this.#queues}, jsonb_array_elements(partitions) AS placed GROUP BY 1`;
    const rows = await this.#run(() => this.#db.read<{ name: string; partitions: number }>({ text: text() }));
    return new Map(rows.map(({ name, partitions }) => [name, partitions]));
  }

  async findByDeadQueue(name: string): Promise<string | undefined> {
    const rows = await this.#find([name], [], () =>
      this.#db.read<{ name: string }>(findUser(this.#queues, name)),
    );
    return rows[0]?.name;
  }

  /** The error for a queue that already exists: mostly the one of that name, else one with the same hash. */
  async #nameTaken(name: string): Promise<Error> {
    const other = await this.#run(async () => {
      const text = `SELECT 1 FROM ${this.#queues} WHERE name = $1`;
      const same = await this.#db.read({ text, values: [name] });
      if (same.length > 0) return undefined;
      const query: Session['query'] = (statement) => this.#db.read(statement);
      return this.#hashes.findOther({ session: { query }, queues: this.#queues }, name);
    });
    return other === undefined ? queueExists(name) : hashTaken(name, other);
  }

  /** With its schema, which is known once the tables exist. */
  get #queues(): string {
    return this.#db.schema.relation(QUEUES);
  }

  /** Changes a stored queue in one step. */
  #change(name: string, change: StoredChange, audit?: MakeAuditEvent): Promise<Queue | undefined> {
    const run = () =>
      this.#db.transaction(async (session) => {
        const now = this.#now();
        const stored = (await lockQueues(this.#in(session), [name], now)).get(name);
        const statement = stored && change(stored, this.#queues, now);
        if (statement === undefined) return undefined;
        const [changed] = await session.query<QueueRow>(statement);
        await this.#record(session, audit);
        return changed && rowToQueue(changed);
      });
    return this.#find([name], undefined, () => this.#hashes.writing(run), audit);
  }

  #in(session: Session): QueuesSession {
    return { session, queues: this.#queues };
  }

  #now(): string | null {
    return this.#clock === undefined ? null : instantToText(this.#clock.now());
  }

  /** Runs a search for queues. A queue whose name the database cannot hold does not exist. */
  async #find<T>(
    names: readonly string[],
    nothing: T,
    operation: () => Promise<T>,
    audit?: MakeAuditEvent,
  ): Promise<T> {
    try {
      return await this.#run(operation, { audit });
    } catch (error) {
      if (isRefusedData(error) && !(await holds(this.#db, names))) return nothing;
      throw error;
    }
  }

  /** The rows of the queues that exist. Halves the names to find one that the database cannot hold. */
  async #findStamps(names: readonly string[]): Promise<readonly StampRow[]> {
    const rows = await this.#find(names, undefined, () =>
      this.#db.readInBackground<StampRow>(stampsOf(this.#queues, names, this.#db.schema.moves)),
    );
    if (rows !== undefined) return rows;
    if (names.length === 1) return [];
    const half = Math.ceil(names.length / 2);
    return [
      ...(await this.#findStamps(names.slice(0, half))),
      ...(await this.#findStamps(names.slice(half))),
    ];
  }

  /** The error for settings that the database cannot hold. */
  async #refused(
    error: PostgresError,
    { name, namespace = '', deadQueue, reference = '' }: NamedSettings,
  ): Promise<Error> {
    const texts: NamedTexts = [
      ['queue name', [name]],
      ['namespace name', [namespace]],
      ['dead queue', [deadQueue]],
      ['reference field', [reference]],
    ];
    const found = await refusedField(this.#db, error, { texts, indexed: 'queue name' });
    return found === undefined ? error : invalid(errorText`${found.field} is invalid; it ${found.fault}`);
  }

  /** Runs a statement that writes rows of queues. */
  #write<T>(operation: () => Promise<T>, tables: UsedTables = {}): Promise<T> {
    return this.#run(() => this.#hashes.writing(operation), tables);
  }

  #run<T>(operation: () => Promise<T>, { audit, namespaces = false }: UsedTables = {}): Promise<T> {
    const { access } = this.#schema;
    const queues = audit === undefined ? this.#tables : this.#auditedTables;
    return this.#calls.run(namespaces ? allTables(access, queues) : queues, operation);
  }

  /** Stores the event of a change in its transaction. */
  async #record(session: Session, audit: MakeAuditEvent | undefined): Promise<void> {
    if (audit === undefined) return;
    await session.query(insertEvents(this.#db.schema.relation(AUDIT), [audit()], this.#now()));
  }
}
