import {
  addDuration,
  type ClaimedTask,
  type Clock,
  type Duration,
  type Instant,
  type MakeAuditEvent,
  milliseconds,
  type NewTask,
  TASK_RECORD_TIMEOUT,
  TASK_RECORDS_MAX,
  TASKS_RUNNING_MAX,
  type Task,
  type TaskChange,
  type TaskClaim,
  type TaskClaimRequest,
  type TaskEnd,
  type TaskListRequest,
  type TaskPosition,
  type TaskStore,
  taskExcluded,
  tooManyTasks,
} from '@querator/core';
import type { MemoryAuditStore } from './audit/memory-audit-store.ts';
import { byteOrder } from './byte-order.ts';

/** A task does not make up for more time than this. */
const LATE: Duration = milliseconds(-1_000);

interface Entry {
  task: Task;
  /** Since when it waits for a claim. */
  waitsSince: Instant;
}

/** Tasks of services that share a backend in memory; see core's `TaskStore`. */
export class MemoryTaskStore implements TaskStore {
  readonly #clock: Clock;
  readonly #assertOpen: () => void;
  readonly #events: MemoryAuditStore;
  readonly #running = new Map<string, Entry>();
  /** In the order of their ends. */
  readonly #ended = new Map<string, Task>();

  constructor(deps: {
    readonly clock: Clock;
    readonly assertOpen: () => void;
    /** Keeps the events of creations and cancellations. */
    readonly events: MemoryAuditStore;
  }) {
    this.#clock = deps.clock;
    this.#assertOpen = deps.assertOpen;
    this.#events = deps.events;
  }

  async create(given: NewTask, audit?: MakeAuditEvent): Promise<Task> {
    const now = this.#now();
    this.#prune(now);
    const existing = this.#find(given.id);
    if (existing !== undefined) return existing;
    if (this.#running.size >= TASKS_RUNNING_MAX) throw tooManyTasks(TASKS_RUNNING_MAX);
    const { exclusive } = given;
    const running = [...this.#running.values()];
    if (exclusive !== undefined && running.some(({ task }) => task.exclusive === exclusive)) {
      throw taskExcluded();
    }
    const storeEvent = this.#events.prepare(audit);
    const task: Task = {
      ...structuredClone(given),
      ...{ matched: 0, done: 0, failed: 0, faults: 0, generation: 0 },
      ...{ state: 'running', createdAt: now, resumeAt: now },
      ...{ startedAt: undefined, endedAt: undefined, cancelRequestedAt: undefined, claimedUntil: undefined },
      ...{ error: undefined, checkpoint: undefined, owner: undefined },
    };
    this.#running.set(task.id, { task, waitsSince: now });
    storeEvent();
    return task;
  }

  async get(id: string): Promise<Task | undefined> {
    const now = this.#now();
    const task = this.#find(id);
    return task !== undefined && isKept(task, now) ? task : undefined;
  }

  async namespaces(): Promise<readonly string[]> {
    this.#assertOpen();
    const running = [...this.#running.values()].map(({ task }) => task);
    return [...new Set([...running, ...this.#ended.values()].map(({ namespace }) => namespace))];
  }

  async list({ namespaces, kind, queue, state, after, limit }: TaskListRequest): Promise<readonly Task[]> {
    const now = this.#now();
    const running = [...this.#running.values()].map(({ task }) => task);
    return [...running, ...this.#ended.values()]
      .filter(
        (task) =>
          isKept(task, now) &&
          (namespaces === undefined || namespaces.includes(task.namespace)) &&
          (kind === undefined || task.kind === kind) &&
          (queue === undefined || task.queue === queue) &&
          (state === undefined || task.state === state) &&
          (after === undefined || newestFirst(task, after) > 0),
      )
      .sort(newestFirst)
      .slice(0, limit);
  }

  async claim({ owner, kinds, timeout }: TaskClaimRequest): Promise<ClaimedTask | undefined> {
    const now = this.#now();
    let found: Entry | undefined;
    for (const entry of this.#running.values()) {
      const { task } = entry;
      const isFree = task.claimedUntil === undefined || task.claimedUntil < now;
      if (!isFree || task.resumeAt > now) continue;
      if (!kinds.some(({ kind, version }) => kind === task.kind && version >= task.version)) continue;
      if (found === undefined || entry.waitsSince < found.waitsSince) found = entry;
    }
    if (found === undefined) return undefined;
    const { task } = found;
    return this.#set(found, now, {
      owner,
      generation: task.generation + 1,
      claimedUntil: addDuration(now, timeout),
      startedAt: task.startedAt ?? now,
    });
  }

  async save(claim: TaskClaim, change: TaskChange, timeout: Duration): Promise<ClaimedTask | undefined> {
    const now = this.#now();
    const entry = this.#claimed(claim);
    if (entry === undefined) return undefined;
    const claimedUntil = addDuration(now, timeout);
    return this.#set(entry, now, { ...changesOf(change, entry.task, now), claimedUntil });
  }

  async requestCancel(id: string, audit?: MakeAuditEvent): Promise<Task | undefined> {
    const task = await this.get(id);
    const entry = this.#running.get(id);
    if (task === undefined || entry === undefined || task.cancelRequestedAt !== undefined) return task;
    const storeEvent = this.#events.prepare(audit);
    const now = this.#now();
    // A task that waits for its rate must not wait to be cancelled.
    entry.task = { ...task, cancelRequestedAt: now, resumeAt: now };
    storeEvent();
    return entry.task;
  }

  async end(claim: TaskClaim, { state, ...change }: TaskEnd): Promise<Task | undefined> {
    const now = this.#now();
    const entry = this.#claimed(claim);
    if (entry === undefined) return undefined;
    const changes = changesOf(change, entry.task, now);
    const { task } = this.#set(entry, now, { ...changes, state, endedAt: now, claimedUntil: undefined });
    this.#running.delete(task.id);
    this.#ended.set(task.id, task);
    return task;
  }

  async release(claim: TaskClaim): Promise<void> {
    const now = this.#now();
    const entry = this.#claimed(claim);
    if (entry !== undefined) this.#set(entry, now, { claimedUntil: undefined });
  }

  /** Releases everything when the backend closes. */
  clear(): void {
    this.#running.clear();
    this.#ended.clear();
  }

  #now(): Instant {
    this.#assertOpen();
    return this.#clock.now();
  }

  #find(id: string): Task | undefined {
    return this.#running.get(id)?.task ?? this.#ended.get(id);
  }

  #claimed({ id, generation }: TaskClaim): Entry | undefined {
    const entry = this.#running.get(id);
    if (entry?.task.claimedUntil === undefined) return undefined;
    return entry.task.generation === generation ? entry : undefined;
  }

  #set(entry: Entry, now: Instant, changes: Partial<Task>): ClaimedTask {
    entry.task = { ...entry.task, ...structuredClone(changes) };
    entry.waitsSince = now;
    return { task: entry.task, now };
  }

  #prune(now: Instant): void {
    for (const task of this.#ended.values()) {
      if (this.#ended.size <= TASK_RECORDS_MAX && isKept(task, now)) return;
      this.#ended.delete(task.id);
    }
  }
}

function isKept({ endedAt }: Task, now: Instant): boolean {
  return endedAt === undefined || addDuration(endedAt, TASK_RECORD_TIMEOUT) >= now;
}

function changesOf({ counts, pause, error, ...change }: TaskChange, task: Task, now: Instant): Partial<Task> {
  const given = Object.entries(change).filter(([, value]) => value !== undefined);
  const earliest = addDuration(now, LATE);
  const paused = pause === undefined || task.cancelRequestedAt !== undefined ? undefined : pause;
  let from = task.resumeAt;
  if (from < earliest) from = earliest;
  return {
    ...Object.fromEntries(given),
    ...counts,
    ...(error === undefined ? {} : { error: error ?? undefined }),
    ...(paused === undefined ? {} : { resumeAt: addDuration(from, paused) }),
  };
}

function newestFirst(a: TaskPosition, b: TaskPosition): number {
  if (a.createdAt !== b.createdAt) return a.createdAt > b.createdAt ? -1 : 1;
  return byteOrder(b.id, a.id);
}
