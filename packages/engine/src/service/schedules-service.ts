import {
  type AuditChange,
  accessDenied,
  changesBetween,
  checkQueueKnown,
  checkText,
  errorText,
  type Instant,
  instantText,
  invalid,
  LIMITS,
  type NewItem,
  type Permission,
  type Random,
  type Schedule,
  type ScheduleChange,
  type ScheduleSettings,
  type ScheduleState,
  type ScheduleStore,
  SYSTEM_NAMESPACE,
  unavailable,
} from '@querator/core';
import type { QueueManager } from '../manager/queue-manager.ts';
import {
  checkScheduledItem,
  checkScheduleName,
  checkUntil,
  missedPolicyOf,
  noSuchSchedule,
} from '../rules/schedule-rules.ts';
import { type CronTimes, parseCron } from '../schedules/cron-times.ts';
import type { ScheduleLoop } from '../schedules/schedule-loop.ts';
import { firstState } from '../schedules/schedule-steps.ts';
import type { TimeZones } from '../schedules/time-zone.ts';
import type { CallerOptions } from './queues-service.ts';

const ID_LENGTH = 20;

/** A schedule to create, or what an update replaces. */
export interface ScheduleCall {
  /** Unique in the namespace of the queue. */
  readonly name: string;
  readonly queueName: string;
  /** Five fields: minute, hour, day of the month, month, day of the week. */
  readonly cron: string;
  /** Of the IANA database. */
  readonly timeZone: string;
  /** The item that each firing produces. Undefined is refused. */
  readonly item: NewItem | undefined;
  /** One of `MISSED_POLICIES`. */
  readonly missed: string;
  /** Times after it do not fire. Undefined: the schedule has no end. */
  readonly until: Instant | undefined;
  /** Whether a new one fires nothing until it is resumed. Undefined: it fires. An update keeps the pause. */
  readonly paused?: boolean | undefined;
}

/** A schedule that a call names. */
export interface NamedScheduleCall {
  /** Empty: the system namespace. */
  readonly namespace: string;
  readonly name: string;
}

export interface ListSchedulesCall {
  /** Empty: the system namespace. */
  readonly namespace: string;
  /** Only schedules of this queue. Empty: of all. */
  readonly queueName: string;
  /** The page starts with this name; empty: from the first. */
  readonly pivot: string;
  /** 0: 100, which is the most. */
  readonly limit: number;
}

/** A page of schedules. */
export interface SchedulesPage {
  readonly schedules: readonly Schedule[];
  /** The name with which the next page starts. Undefined: no more schedules. */
  readonly next: string | undefined;
}

/**
 * Creates, lists, changes and deletes schedules, and fires them once it was started.
 * Each method checks its request, and throws at the first error.
 *
 * Before `create` and `update`, the embedder checks the permission to update the queue, as
 * for the calls on one queue. All other permissions are checked here. The rights of the
 * caller count at these calls, and not when a schedule fires.
 *
 * All methods throw QueueError: `failed` during shutdown, `invalid` for an invalid
 * request, an unknown queue or an unknown schedule, `forbidden`, and `retry` if the
 * storage of the queues keeps no schedules. They throw StorageError when storage fails.
 */
export class SchedulesService {
  readonly #manager: QueueManager;
  readonly #parts: { readonly store: ScheduleStore; readonly loop: ScheduleLoop } | undefined;
  readonly #random: Random;
  readonly #zones: TimeZones;

  /** @param deps `parts` undefined: the storage of the queues keeps no schedules. */
  constructor(deps: {
    readonly manager: QueueManager;
    readonly parts: { readonly store: ScheduleStore; readonly loop: ScheduleLoop } | undefined;
    readonly random: Random;
    readonly zones: TimeZones;
  }) {
    this.#manager = deps.manager;
    this.#parts = deps.parts;
    this.#random = deps.random;
    this.#zones = deps.zones;
  }

  /** Begins to fire what is due, until the service is shut down. Returns at once. */
  start(): void {
    this.#parts?.loop.start();
  }

  /** Fires nothing any more, and waits for firings. */
  async stop(): Promise<void> {
    await this.#parts?.loop.stop();
  }

  /** Creates a schedule. It is in force when this returns. */
  async create(call: ScheduleCall, options: CallerOptions = {}): Promise<Schedule> {
    const { settings, times, queue } = await this.#check(call, options);
    const { store, loop } = this.#stored();
    const { caller, audit } = options;
    const { name, queueName } = call;
    const id = this.#random.base62(ID_LENGTH);
    audit?.add({ id });
    const created = await store.create(
      {
        ...{ id, name, queueName, namespace: queue.namespace, queueCreatedAt: queue.createdAt },
        ...settings,
        createdBy: caller?.principal.username ?? '',
        paused: call.paused === true,
      },
      (now) => begin(settings, now, times),
      audit?.storedEvent,
    );
    loop.changed();
    return created;
  }

  /**
   * Replaces what a schedule does. Its counts and its pause stay. With other times, those
   * that have passed are forgotten; else they are fired as `missed` says.
   */
  async update(call: ScheduleCall, options: CallerOptions = {}): Promise<Schedule> {
    const { settings, times, queue } = await this.#check(call, options);
    const { name, queueName } = call;
    const change = (stored: Schedule, now: Instant): ScheduleChange => {
      if (stored.queueName !== queueName) {
        throw invalid(
          errorText`queue_name is invalid; schedule '${name}' is one of queue '${stored.queueName}'`,
        );
      }
      const began = begin(settings, now, times);
      const { state, paused } = stored;
      const isSameTimes = stored.cron === settings.cron && stored.timeZone === settings.timeZone;
      const keeps =
        isSameTimes && state.dueAt !== undefined && !(settings.until && state.dueAt > settings.until);
      const dueAt = keeps ? state.dueAt : began.dueAt;
      return { ...settings, paused, state: { ...state, dueAt, backlog: undefined, failure: undefined } };
    };
    return this.#change({ namespace: queue.namespace, name }, change, options);
  }

  /** The schedules of a namespace, in order of their names. */
  async list(
    { namespace, queueName, pivot, limit }: ListSchedulesCall,
    { caller }: CallerOptions = {},
  ): Promise<SchedulesPage> {
    const inNamespace = namespace || SYSTEM_NAMESPACE;
    checkPermission(caller, 'queue.update', inNamespace);
    this.#manager.checkRunning();
    if (limit < 0 || limit > LIMITS.schedulePage) {
      throw invalid(errorText`limit is invalid; expected 1 to ${LIMITS.schedulePage}, got ${limit}`);
    }
    checkText('namespace', namespace);
    checkText('queue_name', queueName);
    checkText('cursor', pivot);
    const most = limit || LIMITS.schedulePage;
    const request = { namespace: inNamespace, queueName: queueName || undefined, pivot, limit: most + 1 };
    const found = await this.#stored().store.list(request);
    return { schedules: found.slice(0, most), next: found[most]?.name };
  }

  /** Stops a schedule from firing. Times that pass until it is resumed are not missed. */
  pause(call: NamedScheduleCall, options: CallerOptions = {}): Promise<Schedule> {
    return this.#setPaused(call, true, options);
  }

  /** Lets a schedule fire again, at its next time. */
  resume(call: NamedScheduleCall, options: CallerOptions = {}): Promise<Schedule> {
    return this.#setPaused(call, false, options);
  }

  /** Removes a schedule. An item that it is producing at this moment may still be stored. */
  async delete(call: NamedScheduleCall, options: CallerOptions = {}): Promise<void> {
    const { namespace, name } = this.#checkNamed(call, options);
    const deleted = await this.#stored().store.delete(namespace, name, options.audit?.storedEvent);
    if (!deleted) throw noSuchSchedule(namespace, name);
  }

  #setPaused(call: NamedScheduleCall, paused: boolean, options: CallerOptions): Promise<Schedule> {
    const named = this.#checkNamed(call, options);
    const change = (stored: Schedule, now: Instant): ScheduleChange => {
      if (stored.paused === paused || paused) return { ...stored, paused };
      const times = parseCron(stored, this.#zones);
      const { dueAt } = firstState(now, stored.until, (after) => times.next(after));
      return { ...stored, paused, state: { ...stored.state, dueAt, backlog: undefined, failure: undefined } };
    };
    return this.#change(named, change, options);
  }

  async #change(
    { namespace, name }: NamedScheduleCall,
    change: (stored: Schedule, now: Instant) => ScheduleChange,
    { audit }: CallerOptions,
  ): Promise<Schedule> {
    const { store, loop } = this.#stored();
    const audited = (stored: Schedule, now: Instant) => {
      const changed = change(stored, now);
      audit?.add({ id: stored.id, changes: scheduleChanges(stored, changed) });
      return changed;
    };
    const updated = await store.update(namespace, name, audited, audit?.storedEvent);
    if (updated === undefined) throw noSuchSchedule(namespace, name);
    loop.changed();
    return updated;
  }

  #checkNamed({ namespace, name }: NamedScheduleCall, { caller }: CallerOptions): NamedScheduleCall {
    const named = { namespace: namespace || SYSTEM_NAMESPACE, name };
    checkPermission(caller, 'queue.update', named.namespace);
    this.#manager.checkRunning();
    checkText('namespace', namespace);
    checkScheduleName(name);
    return named;
  }

  async #check(
    call: ScheduleCall,
    { caller }: CallerOptions,
  ): Promise<{
    readonly settings: ScheduleSettings;
    readonly times: CronTimes;
    readonly queue: { readonly namespace: string; readonly createdAt: Instant };
  }> {
    const { name, queueName, cron, timeZone, until } = call;
    checkQueueKnown(queueName);
    checkScheduleName(name);
    const times = parseCron({ cron, timeZone }, this.#zones);
    const missed = missedPolicyOf(call.missed);
    const item = checkScheduledItem(call.item);
    this.#manager.checkRunning();
    const queue = await this.#manager.info(queueName);
    checkPermission(caller, 'queue.produce', queue.namespace);
    return { settings: { cron, timeZone, item, missed, until }, times, queue };
  }

  #stored() {
    if (this.#parts !== undefined) return this.#parts;
    throw unavailable('retry', 'queues cannot have schedules; their storage does not keep them');
  }
}

/** @throws QueueError `invalid` if the schedule would end before it fires. */
function begin({ until }: ScheduleSettings, now: Instant, times: CronTimes): ScheduleState {
  checkUntil(until, now);
  const state = firstState(now, until, (after) => times.next(after));
  if (state.dueAt === undefined) throw invalid('until is invalid; no time of the schedule comes before it');
  return state;
}

function checkPermission(caller: CallerOptions['caller'], permission: Permission, namespace: string): void {
  if (caller?.may(permission, namespace) === false) throw accessDenied();
}

/** What differs, under the names of the API. Of the item, only that it does. */
function scheduleChanges(before: Schedule, after: ScheduleChange): readonly AuditChange[] {
  const isSameItem = JSON.stringify(valuesOfItem(before.item)) === JSON.stringify(valuesOfItem(after.item));
  return changesBetween(
    { ...valuesOf(before), item: 'as before' },
    { ...valuesOf(after), item: isSameItem ? 'as before' : 'changed' },
  );
}

function valuesOf({ cron, timeZone, missed, until, paused }: ScheduleSettings & Pick<Schedule, 'paused'>) {
  const untilText = until === undefined ? '' : instantText(until);
  return { cron, time_zone: timeZone, missed, until: untilText, paused: String(paused) };
}

function valuesOfItem({ payload, metadata, ...texts }: Schedule['item']) {
  return { ...texts, payload: Buffer.from(payload).toString('base64'), metadata: [...(metadata ?? [])] };
}
