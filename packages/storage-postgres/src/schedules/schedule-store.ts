import {
  type ClaimedSchedule,
  type DueSchedules,
  type Duration,
  type Instant,
  LIMITS,
  type MakeAuditEvent,
  type NewSchedule,
  noSuchQueue,
  type Schedule,
  type ScheduleChange,
  type ScheduleListRequest,
  type ScheduleState,
  type ScheduleStore,
  type SettledSchedule,
  scheduleExists,
  tooManySchedules,
} from '@querator/core';
import { insertEvents } from '../audit/audit-rows.ts';
import type { Session } from '../database/database.ts';
import { allTables } from '../database/table-calls.ts';
import { lockSchema } from '../schema/fixed-schema.ts';
import type { StoreParts } from '../schema/store-parts.ts';
import { AUDIT } from '../schema/tables/audit.ts';
import { QUEUES } from '../schema/tables/queues.ts';
import { SCHEDULES } from '../schema/tables/schedules.ts';
import { asciiText } from '../sql/ascii-json.ts';
import { nowParameter } from '../sql/partition-table.ts';
import { holds, isRefusedData } from '../sql/refused-data.ts';
import { durationToText, instantFromText, instantToText } from '../wire/instant-text.ts';
import { dueText, rowToSchedule, type ScheduleRow, settingsToText, stateToText } from './schedule-rows.ts';
import {
  claimIn,
  countIn,
  deleteFrom,
  insertInto,
  listIn,
  lockIn,
  lockQueueIn,
  removeOrphansFrom,
  type ScheduleTables,
  settleIn,
  updateIn,
} from './schedule-statements.ts';

/** A row that a claim returns. The fields of a schedule are null if nothing was claimed. */
type ClaimRow = { readonly now: string; readonly next_ms: number | null } & (
  | { readonly id: null }
  | (ScheduleRow & { readonly claim: string; readonly doubt_since: string | null })
);

/** Schedules in a table of their own; see core's `ScheduleStore` for the contract. */
export class PostgresScheduleStore implements ScheduleStore {
  readonly #parts: StoreParts;

  constructor(parts: StoreParts) {
    this.#parts = parts;
  }

  create(
    schedule: NewSchedule,
    begin: (now: Instant) => ScheduleState,
    audit?: MakeAuditEvent,
  ): Promise<Schedule> {
    const { queueName } = schedule;
    return this.#finding([queueName], audit, async (session) => {
      await this.#lockQueue(session, schedule);
      const now = await this.#lockName(session, schedule);
      const state = begin(now);
      const paused = schedule.paused === true;
      const values = [
        ...[schedule.id, asciiText(schedule.namespace), schedule.name, queueName],
        instantToText(schedule.queueCreatedAt),
        settingsToText(schedule, { createdBy: schedule.createdBy, paused }),
        ...[stateToText(state), paused ? null : dueText(state.dueAt), this.#now()],
      ];
      const [row] = await session.query<ScheduleRow>({ text: insertInto(this.#tables), values });
      await this.#record(session, audit);
      return rowToSchedule(row as ScheduleRow);
    }).then((created) => created ?? Promise.reject(noSuchQueue(queueName)));
  }

  async list({ namespace, queueName, pivot, limit }: ScheduleListRequest): Promise<readonly Schedule[]> {
    const values = [asciiText(namespace), asciiText(pivot), limit, queueName ?? null];
    if (!(await this.#areThere())) return [];
    try {
      const rows = await this.#parts.calls.run(this.#parts.schema.schedules, () =>
        this.#parts.db.read<ScheduleRow>({ text: listIn(this.#tables), values }),
      );
      return rows.map(rowToSchedule);
    } catch (error) {
      // No queue has a name that the database cannot hold.
      if (queueName === undefined || !isRefusedData(error) || (await holds(this.#parts.db, [queueName])))
        throw error;
      return [];
    }
  }

  async update(
    namespace: string,
    name: string,
    change: (stored: Schedule, now: Instant) => ScheduleChange,
    audit?: MakeAuditEvent,
  ): Promise<Schedule | undefined> {
    if (!(await this.#areThere())) return undefined;
    return this.#transaction(audit, async (session) => {
      const values = [asciiText(namespace), asciiText(name), this.#now()];
      const text = lockIn(this.#tables);
      const [locked] = await session.query<ScheduleRow & { readonly now: string }>({ text, values });
      if (locked === undefined) return undefined;
      const stored = rowToSchedule(locked);
      const { paused, state, ...settings } = change(stored, instantFromText(locked.now));
      const { createdBy, id } = stored;
      const [row] = await session.query<ScheduleRow>({
        text: updateIn(this.#tables),
        values: [
          ...[id, settingsToText(settings, { createdBy, paused }), stateToText(state)],
          ...[paused ? null : dueText(state.dueAt), state.dueAt === stored.state.dueAt, this.#now()],
        ],
      });
      await this.#record(session, audit);
      return rowToSchedule(row as ScheduleRow);
    });
  }

  async delete(namespace: string, name: string, audit?: MakeAuditEvent): Promise<boolean> {
    if (!(await this.#areThere())) return false;
    return this.#transaction(audit, async (session) => {
      const values = [asciiText(namespace), asciiText(name)];
      const gone = await session.query({ text: deleteFrom(this.#tables), values });
      if (gone.length > 0) await this.#record(session, audit);
      return gone.length > 0;
    });
  }

  async claim({
    limit,
    timeout,
  }: {
    readonly limit: number;
    readonly timeout: Duration;
  }): Promise<DueSchedules> {
    if (!(await this.#areThere())) return { claimed: [], nextMs: undefined };
    const rows = await this.#parts.calls.run(this.#parts.schema.schedules, () =>
      this.#parts.db.write<ClaimRow>({
        text: claimIn(this.#tables),
        values: [limit, durationToText(timeout), this.#now()],
      }),
    );
    return { claimed: rows.flatMap(toClaimed), nextMs: rows[0]?.next_ms ?? undefined };
  }

  async settle({ id, claim, state, retryAfter, doubtful }: SettledSchedule): Promise<boolean> {
    const retry = retryAfter === undefined ? null : durationToText(retryAfter);
    const values = [id, claim, stateToText(state), dueText(state.dueAt), retry, doubtful, this.#now()];
    const rows = await this.#parts.calls.run(this.#parts.schema.schedules, () =>
      this.#parts.db.write({ text: settleIn(this.#tables), values }),
    );
    return rows.length > 0;
  }

  get #tables(): ScheduleTables {
    const { schema } = this.#parts.db;
    return { schedules: schema.relation(SCHEDULES), queues: schema.relation(QUEUES) };
  }

  /** Whether there is a table of schedules. Creates none. */
  #areThere(): Promise<boolean> {
    const { fixed, schedules } = this.#parts.schema;
    return this.#parts.calls.run(fixed, () => schedules.exists());
  }

  #now(): string | null {
    return nowParameter({ clock: this.#parts.clock });
  }

  /** @throws QueueError if the schedule's queue is not stored. */
  async #lockQueue(session: Session, { queueName, queueCreatedAt }: NewSchedule): Promise<void> {
    const text = lockQueueIn(this.#tables);
    const [queue] = await session.query<{ readonly created_at: string }>({ text, values: [queueName] });
    if (queue === undefined || instantFromText(queue.created_at) !== queueCreatedAt) {
      throw noSuchQueue(queueName);
    }
  }

  /**
   * Keeps other transactions from adding schedules to the namespace.
   *
   * @returns the time of the call.
   * @throws QueueError if the name is taken, or the namespace has too many.
   */
  async #lockName(session: Session, { namespace, name }: NewSchedule): Promise<Instant> {
    await lockSchema(session, `schedules of ${namespace}`);
    const inNamespace = asciiText(namespace);
    await session.query({ text: removeOrphansFrom(this.#tables), values: [inNamespace] });
    const [found] = await session.query<{ count: number; taken: boolean; now: string }>({
      text: countIn(this.#tables),
      values: [inNamespace, name, this.#now()],
    });
    const { count = 0, taken = false, now = '' } = found ?? {};
    if (taken) throw scheduleExists(name);
    if (count >= LIMITS.schedules) throw tooManySchedules(namespace, LIMITS.schedules);
    return instantFromText(now);
  }

  /** A transaction with names of queues. Undefined if the database cannot hold one: no queue has such a name. */
  async #finding<T>(
    names: readonly string[],
    audit: MakeAuditEvent | undefined,
    work: (session: Session) => Promise<T>,
  ): Promise<T | undefined> {
    try {
      return await this.#transaction(audit, work);
    } catch (error) {
      if (isRefusedData(error) && !(await holds(this.#parts.db, names))) return undefined;
      throw error;
    }
  }

  #transaction<T>(audit: MakeAuditEvent | undefined, work: (session: Session) => Promise<T>): Promise<T> {
    const { schedules, audit: events } = this.#parts.schema;
    const tables = audit === undefined ? schedules : allTables(schedules, events);
    return this.#parts.calls.run(tables, () => this.#parts.db.transaction(work));
  }

  /** Stores the event of a change in its transaction. */
  async #record(session: Session, audit: MakeAuditEvent | undefined): Promise<void> {
    if (audit === undefined) return;
    await session.query(insertEvents(this.#parts.db.schema.relation(AUDIT), [audit()], this.#now()));
  }
}

function toClaimed(row: ClaimRow): readonly ClaimedSchedule[] {
  if (row.id === null) return [];
  const { claim, doubt_since: doubtSince, now } = row;
  return [
    {
      schedule: rowToSchedule(row),
      claim: Number(claim),
      claimedAt: instantFromText(now),
      doubtSince: doubtSince === null ? undefined : instantFromText(doubtSince),
    },
  ];
}
