import type {
  DueSchedules,
  Duration,
  Instant,
  MakeAuditEvent,
  NewSchedule,
  Schedule,
  ScheduleChange,
  ScheduledItem,
  ScheduleListRequest,
  ScheduleState,
  ScheduleStore,
  SettledSchedule,
} from '@querator/core';
import type { Database } from '../database/database.ts';
import { addEvent } from './add-event.ts';

/** The schedules of a file. */
export class SqliteScheduleStore implements ScheduleStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  create(
    given: NewSchedule,
    begin: (now: Instant) => ScheduleState,
    audit?: MakeAuditEvent,
  ): Promise<Schedule> {
    const wanted = { ...given, item: owned(given.item) };
    return this.#database.transaction(async (transaction) => {
      const now = await transaction.call('prepareSchedule', { schedule: wanted });
      const paused = wanted.paused === true;
      const schedule = { ...wanted, state: begin(now), paused, createdAt: now, updatedAt: now };
      await transaction.call('insertSchedule', { schedule });
      await addEvent(transaction, audit);
      return schedule;
    });
  }

  list(request: ScheduleListRequest): Promise<readonly Schedule[]> {
    return this.#database.read('listSchedules', request);
  }

  update(
    namespace: string,
    name: string,
    change: (stored: Schedule, now: Instant) => ScheduleChange,
    audit?: MakeAuditEvent,
  ): Promise<Schedule | undefined> {
    return this.#database.transaction(async (transaction) => {
      const found = await transaction.call('findSchedule', { namespace, name });
      if (found === undefined) return undefined;
      const { schedule: stored, now: updatedAt } = found;
      const { cron, timeZone, item, missed, until, paused, state } = change(stored, updatedAt);
      const settings = { cron, timeZone, item: owned(item), missed, until };
      const args = { stored, change: { ...settings, paused, state }, updatedAt };
      const changed = await transaction.call('changeSchedule', args);
      await addEvent(transaction, audit);
      return changed;
    });
  }

  delete(namespace: string, name: string, audit?: MakeAuditEvent): Promise<boolean> {
    return this.#database.transaction(async (transaction) => {
      const isDeleted = await transaction.call('deleteSchedule', { namespace, name });
      if (isDeleted) await addEvent(transaction, audit);
      return isDeleted;
    });
  }

  claim(options: { readonly limit: number; readonly timeout: Duration }): Promise<DueSchedules> {
    return this.#database.call('claimSchedules', options);
  }

  settle(settled: SettledSchedule): Promise<boolean> {
    return this.#database.call('settleSchedule', settled);
  }
}

/** A copy of the item whose payload is not part of a request body: a clone would copy all of that. */
function owned(item: ScheduledItem): ScheduledItem {
  return { ...item, payload: item.payload.slice() };
}
