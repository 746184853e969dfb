import {
  addDuration,
  type ClaimedSchedule,
  type Clock,
  type DueSchedules,
  type Duration,
  type Instant,
  LIMITS,
  type MakeAuditEvent,
  millisecondsBetween,
  type NewSchedule,
  noSuchQueue,
  type Schedule,
  type ScheduleChange,
  type ScheduledItem,
  type ScheduleListRequest,
  type ScheduleState,
  type ScheduleStore,
  type SettledSchedule,
  scheduleExists,
  tooManySchedules,
} from '@querator/core';
import type { MemoryAuditStore } from './audit/memory-audit-store.ts';
import { byteOrder } from './byte-order.ts';

interface StoredSchedule {
  schedule: Schedule;
  /** When it is claimed next. Undefined: never. */
  lookAt: Instant | undefined;
  claim: number;
  attemptedAt: Instant | undefined;
}

/** Schedules in memory; see core's `ScheduleStore`. They are few, so each call may visit all of them. */
export class MemoryScheduleStore implements ScheduleStore {
  readonly #clock: Clock;
  readonly #assertOpen: () => void;
  readonly #events: Pick<MemoryAuditStore, 'prepare'>;
  readonly #queueCreatedAt: (name: string) => Instant | undefined;
  readonly #records = new Map<string, StoredSchedule>();

  constructor(deps: {
    readonly clock: Clock;
    readonly assertOpen: () => void;
    readonly events: Pick<MemoryAuditStore, 'prepare'>;
    /** Undefined: there is no queue of that name. */
    readonly queueCreatedAt: (name: string) => Instant | undefined;
  }) {
    this.#clock = deps.clock;
    this.#assertOpen = deps.assertOpen;
    this.#events = deps.events;
    this.#queueCreatedAt = deps.queueCreatedAt;
  }

  async create(
    schedule: NewSchedule,
    begin: (now: Instant) => ScheduleState,
    audit?: MakeAuditEvent,
  ): Promise<Schedule> {
    this.#live();
    const { namespace, name, queueName, queueCreatedAt } = schedule;
    if (this.#queueCreatedAt(queueName) !== queueCreatedAt) throw noSuchQueue(queueName);
    if (this.#find(namespace, name) !== undefined) throw scheduleExists(name);
    const inNamespace = this.#live().filter((each) => each.schedule.namespace === namespace);
    if (inNamespace.length >= LIMITS.schedules) throw tooManySchedules(namespace, LIMITS.schedules);
    const now = this.#clock.now();
    const stored: Schedule = {
      ...schedule,
      item: copyOf(schedule.item),
      state: begin(now),
      ...{ paused: schedule.paused === true, createdAt: now, updatedAt: now },
    };
    const storeEvent = this.#events.prepare(audit);
    this.#records.set(schedule.id, {
      schedule: stored,
      lookAt: stored.paused ? undefined : stored.state.dueAt,
      claim: 0,
      attemptedAt: undefined,
    });
    storeEvent();
    return read(stored);
  }

  async list({ namespace, queueName, pivot, limit }: ScheduleListRequest): Promise<readonly Schedule[]> {
    return this.#live()
      .map(({ schedule }) => schedule)
      .filter(
        (each) =>
          each.namespace === namespace &&
          (queueName === undefined || each.queueName === queueName) &&
          byteOrder(each.name, pivot) >= 0,
      )
      .sort((a, b) => byteOrder(a.name, b.name))
      .slice(0, limit)
      .map(read);
  }

  async update(
    namespace: string,
    name: string,
    change: (stored: Schedule, now: Instant) => ScheduleChange,
    audit?: MakeAuditEvent,
  ): Promise<Schedule | undefined> {
    const record = this.#find(namespace, name);
    if (record === undefined) return undefined;
    const now = this.#clock.now();
    const { cron, timeZone, item, missed, until, paused, state } = change(read(record.schedule), now);
    const storeEvent = this.#events.prepare(audit);
    if (state.dueAt !== record.schedule.state.dueAt) record.attemptedAt = undefined;
    record.schedule = {
      ...record.schedule,
      ...{ cron, timeZone, item: copyOf(item), missed, until, paused, state, updatedAt: now },
    };
    record.claim++;
    record.lookAt = paused ? undefined : state.dueAt;
    storeEvent();
    return read(record.schedule);
  }

  async delete(namespace: string, name: string, audit?: MakeAuditEvent): Promise<boolean> {
    const record = this.#find(namespace, name);
    if (record === undefined) return false;
    const storeEvent = this.#events.prepare(audit);
    this.#records.delete(record.schedule.id);
    storeEvent();
    return true;
  }

  async claim({
    limit,
    timeout,
  }: {
    readonly limit: number;
    readonly timeout: Duration;
  }): Promise<DueSchedules> {
    this.#assertOpen();
    const now = this.#clock.now();
    if (this.#records.size === 0) return { claimed: [], nextMs: undefined };
    const waiting = this.#live()
      .filter((record): record is StoredSchedule & { lookAt: Instant } => record.lookAt !== undefined)
      .sort((a, b) => millisecondsBetween(b.lookAt, a.lookAt));
    const due = waiting.filter(({ lookAt }) => lookAt <= now).slice(0, limit);
    const next = waiting.find((record) => !due.includes(record));
    const claimed = due.map((record): ClaimedSchedule => {
      const { attemptedAt: doubtSince } = record;
      record.lookAt = addDuration(now, timeout);
      record.claim++;
      record.attemptedAt ??= now;
      return { schedule: read(record.schedule), claim: record.claim, claimedAt: now, doubtSince };
    });
    return { claimed, nextMs: next && millisecondsBetween(now, next.lookAt) };
  }

  async settle({ id, claim, state, retryAfter, doubtful }: SettledSchedule): Promise<boolean> {
    this.#live();
    const record = this.#records.get(id);
    if (record === undefined || record.claim !== claim) return false;
    record.schedule = { ...record.schedule, state };
    record.lookAt = retryAfter === undefined ? state.dueAt : addDuration(this.#clock.now(), retryAfter);
    record.claim++;
    if (!doubtful) record.attemptedAt = undefined;
    return true;
  }

  /** Releases everything when the backend closes. */
  clear(): void {
    this.#records.clear();
  }

  #find(namespace: string, name: string): StoredSchedule | undefined {
    return this.#live().find(({ schedule }) => schedule.namespace === namespace && schedule.name === name);
  }

  /** The schedules whose queues exist. Removes the others. */
  #live(): StoredSchedule[] {
    this.#assertOpen();
    for (const { schedule } of this.#records.values()) {
      const { id, queueName, queueCreatedAt } = schedule;
      if (this.#queueCreatedAt(queueName) !== queueCreatedAt) this.#records.delete(id);
    }
    return [...this.#records.values()];
  }
}

function read(schedule: Schedule): Schedule {
  return { ...schedule, item: copyOf(schedule.item) };
}

function copyOf(item: ScheduledItem): ScheduledItem {
  const copy = { ...item, payload: item.payload.slice() };
  return item.metadata === undefined ? copy : { ...copy, metadata: new Map(item.metadata) };
}
