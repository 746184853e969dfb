import {
  addDuration,
  type ExtendedItem,
  type Instant,
  type MoveStore,
  millisecondsBetween,
  type Outcome,
  type PartitionKey,
  type PartitionOwner,
  type PartitionStore,
  type PollResult,
  type Queue,
  type QueueStore,
  type StorageBackend,
  StorageError,
  type StoredItem,
  type SweepResult,
  type Task,
  type TaskStore,
} from '@querator/core';
import { memoryBackend } from '@querator/storage-memory';
import type { Effect, History, Stay } from '../history.ts';
import type { Dice } from './dice.ts';
import type { Scheduler } from './scheduler.ts';

interface Place {
  readonly store: PartitionStore;
  /** When the queue of these items was created. */
  readonly owner: Instant;
  /** As after the last call that changed them. */
  items: readonly StoredItem[];
  stays: ReadonlyMap<string, Stay>;
}

/**
 * Which queues exist, and which were deleted. Shared storage keeps these
 * records longer than any engine sleeps here.
 */
export class KnownQueues {
  /** When each existing queue was created. */
  readonly created = new Map<string, Instant>();
  /** Deleted queues, as `created/name`. */
  readonly deleted = new Set<string>();
  /** The last closure of each queue. */
  readonly closures = new Map<string, { readonly token: string; readonly until: Instant }>();
  /** The items of each partition, as its storage had them last. A move must not change them. */
  readonly visible = new Map<
    string,
    { readonly owner: Instant; readonly stays: ReadonlyMap<string, Stay> }
  >();
  /** The disk that serves each partition which has moved. */
  readonly homes = new Map<string, string>();

  noteClosure(name: string, token: string, until: Instant | undefined): void {
    if (until !== undefined) this.closures.set(name, { token, until });
    else if (this.closures.get(name)?.token === token) this.closures.delete(name);
  }

  /** Its partitions are where its record says. */
  noteCreation(name: string): void {
    for (const place of this.homes.keys()) if (place.startsWith(`${name}/`)) this.homes.delete(place);
  }

  noteDeletion(name: string): void {
    this.deleted.add(`${this.created.get(name)}/${name}`);
    this.created.delete(name);
    this.closures.delete(name);
  }
}

/**
 * The storage that all engines share: the memory driver, which applies each
 * call at once, and a record of each call's effect. Adds the rule of shared
 * drivers about the owner of a partition, which the memory driver does not
 * need.
 */
export class Disk {
  readonly name: string;
  readonly #backend: StorageBackend;
  readonly #places = new Map<string, Place>();
  /** Calls of moves that will take effect late, by partition. */
  readonly #late = new Map<string, Set<() => Promise<void>>>();
  readonly #history: History;
  readonly #queues: KnownQueues;
  readonly #scheduler: Scheduler;

  /** @param queues which `queueCall` updates; shared by all disks of a simulation. */
  constructor(
    name: string,
    {
      scheduler,
      dice,
      history,
    }: { readonly scheduler: Scheduler; readonly dice: Dice; readonly history: History },
    queues: KnownQueues,
  ) {
    this.name = name;
    this.#history = history;
    this.#queues = queues;
    this.#scheduler = scheduler;
    const clock = {
      now: () => scheduler.instant(),
      startTimer: () => {
        throw new Error('the memory driver needs no timers');
      },
    };
    this.#backend = memoryBackend({ name, clock, random: dice.random });
  }

  /** The current items of a partition. */
  stays(place: string): readonly Stay[] {
    return [...(this.#places.get(place)?.stays.values() ?? [])];
  }

  /** Every partition that was used. */
  get places(): Iterable<string> {
    return this.#places.keys();
  }

  /**
   * Applies a call to a partition, on behalf of the queue created at `owner`.
   *
   * @returns its result. Undefined if that queue is gone, or the partition
   *   belongs to a later queue of the same name.
   */
  async partitionCall(
    op: number,
    key: PartitionKey,
    owner: Instant,
    { name, args }: { readonly name: string; readonly args: readonly unknown[] },
  ): Promise<{ readonly result: unknown } | undefined> {
    // Only engines use the disk, and they hold no locks.
    if (name === 'untilDroppable') return { result: undefined };
    const place = placeOf(key);
    let held = this.#places.get(place);
    if (held !== undefined && held.owner > owner) return undefined;
    if (held !== undefined && held.owner < owner) {
      const wasDeleted = this.#queues.deleted.has(`${held.owner}/${key.queue}`);
      if (held.items.length > 0 && !wasDeleted) return undefined;
      await this.#drop(op, place, held);
      held = undefined;
    }
    if (held === undefined) {
      if (name === 'drop') return { result: undefined };
      if (name === 'dropEmpty') return { result: true };
      if (!this.#mayBeMade(key, owner)) return undefined;
      held = { store: this.#storeOf(key, owner), owner, items: [], stays: new Map() };
      this.#places.set(place, held);
    }
    if (name === 'drop') return { result: await this.#drop(op, place, held) };
    if (name === 'dropEmpty') {
      if (held.items.length > 0) return { result: false };
      await this.#drop(op, place, held);
      return { result: true };
    }
    const call = held.store[name as keyof PartitionStore] as (...args: unknown[]) => Promise<unknown>;
    const result = await call.apply(held.store, args as unknown[]);
    if (name === 'extend') this.#extended(op, place, args, result);
    // Atomic: another call takes effect only when the promises of this one have settled.
    if (mayHaveChanged(name, result)) this.#record(op, place, held, await itemsOf(held.store));
    return { result };
  }

  /**
   * Applies a call to one end of a move, on behalf of the queue created at `owner`. When the target opens, it must have
   * the items that the source had last.
   */
  async moveCall(
    op: number,
    key: PartitionKey,
    owner: Instant,
    { name, args }: { readonly name: keyof MoveStore; readonly args: readonly unknown[] },
  ): Promise<unknown> {
    const place = placeOf(key);
    for (const come of this.#late.get(place) ?? []) await come();
    if (name === 'begin' && !this.#mayBeMade(key, owner)) {
      throw new StorageError('the queue is gone', { outcome: 'not-applied' });
    }
    const moves = this.#backend.moveStore?.(key, ownerOf(owner)) as MoveStore;
    const result = await (moves[name] as (...args: unknown[]) => Promise<unknown>).apply(moves, [...args]);
    if (name === 'open') {
      this.#queues.homes.set(place, this.name);
      const held = { store: this.#storeOf(key, owner), owner, items: [], stays: new Map() };
      this.#places.set(place, held);
      this.#record(op, place, held, await itemsOf(held.store));
    }
    // A source that has left is empty, and so is a target that was given up.
    if (name === 'end' && this.#isElsewhere(place)) this.#places.delete(place);
    return result;
  }

  /**
   * Registers a call of a move whose effect is late. A storage applies it before the next call at this end, or never:
   * each of them locks the same row.
   *
   * @returns applies it, unless that has happened.
   */
  lateMoveCall(key: PartitionKey, effect: () => Promise<unknown>): () => Promise<void> {
    const place = placeOf(key);
    const late = this.#late.get(place) ?? new Set();
    this.#late.set(place, late);
    const come = async () => {
      if (!late.delete(come)) return;
      await effect().catch(() => {});
    };
    late.add(come);
    return come;
  }

  /** Applies a call to the task store. */
  taskCall(name: keyof TaskStore, args: readonly unknown[]): Promise<unknown> {
    const store = this.#backend.taskStore?.() as TaskStore;
    return (store[name] as (...args: unknown[]) => Promise<unknown>).apply(store, [...args]);
  }

  /** The tasks that have not ended. */
  async runningTasks(): Promise<readonly Task[]> {
    return (
      (await this.#backend.taskStore?.().list({
        ...{ state: 'running', limit: 100 },
        ...{ namespaces: undefined, kind: undefined, queue: undefined, after: undefined },
      })) ?? []
    );
  }

  #storeOf(key: PartitionKey, owner: Instant): PartitionStore {
    return this.#backend.partitionStore(key, ownerOf(owner));
  }

  #isElsewhere(place: string): boolean {
    const home = this.#queues.homes.get(place);
    return home !== undefined && home !== this.name;
  }

  /** As `PartitionOwner.isThere` would say. */
  #mayBeMade({ queue }: PartitionKey, owner: Instant): boolean {
    const closure = this.#queues.closures.get(queue);
    if (closure !== undefined && closure.until > this.#scheduler.instant()) return false;
    return this.#queues.created.get(queue) === owner;
  }

  /** Applies a call to the queue store. */
  async queueCall(name: keyof QueueStore, args: readonly unknown[]): Promise<unknown> {
    const store = this.#backend.queueStore();
    const result = await (store[name] as (...args: unknown[]) => Promise<unknown>).apply(
      store,
      args as unknown[],
    );
    if ((name === 'create' || name === 'update') && result !== undefined) {
      const { name: queue, createdAt, maxAttempts, deadQueue, leaseTimeout } = result as Queue;
      if (name === 'create') this.#queues.noteCreation(queue);
      this.#queues.created.set(queue, createdAt);
      this.#history.add({
        type: 'settings',
        queue,
        maxAttempts,
        deadQueue,
        leaseMs: Number(leaseTimeout) / 1_000_000,
      });
    }
    if (name === 'close' && result === true) {
      const [queue, , { token, timeout }] = args as Parameters<NonNullable<QueueStore['close']>>;
      this.#queues.noteClosure(queue, token, timeout && addDuration(this.#scheduler.instant(), timeout));
    }
    if (name === 'delete' && result === true) this.#queues.noteDeletion(args[0] as string);
    return result;
  }

  /** Polls partitions. */
  poll(keys: readonly PartitionKey[], now: Instant, deadlines: boolean): readonly PollResult[] {
    return keys.map((key) => {
      const items = this.#places.get(placeOf(key))?.items ?? [];
      return {
        waiting: items.some((item) => stateOf(item) === 'waiting'),
        nextDueMs: deadlines ? nextDueMs(items, now) : undefined,
      };
    });
  }

  async #drop(op: number, place: string, held: Place): Promise<void> {
    this.#places.delete(place);
    const dropped = held.store.drop();
    if (this.#isElsewhere(place)) return dropped;
    this.#queues.visible.delete(place);
    this.#history.add({
      type: 'effect',
      op,
      place,
      effect: { came: [], left: [...held.stays.values()], changed: [], now: [] },
    });
    await dropped;
  }

  #extended(op: number, place: string, args: readonly unknown[], result: unknown): void {
    const [items] = args as [readonly ExtendedItem[]];
    const leases = (result as readonly Outcome<Instant>[]).flatMap((outcome, n) =>
      outcome.ok ? [{ id: items[n]?.id ?? '', deadline: outcome.value }] : [],
    );
    if (leases.length > 0) this.#history.add({ type: 'extended', op, place, leases });
  }

  #record(op: number, place: string, held: Place, items: readonly StoredItem[]): void {
    const stays = staysOf(items);
    const visible = this.#queues.visible.get(place);
    const effect = difference(visible?.owner === held.owner ? visible.stays : held.stays, stays);
    this.#queues.visible.set(place, { owner: held.owner, stays });
    held.items = items;
    held.stays = stays;
    if (effect !== undefined) this.#history.add({ type: 'effect', op, place, effect });
  }
}

/** The owner of a partition, for the memory driver, which only compares it. */
function ownerOf(createdAt: Instant): PartitionOwner {
  return { createdAt, isThere: async () => true, wasDeleted: async () => false };
}

/** Calls that change no item. */
const UNCHANGING = new Set<string>([
  'list',
  'stats',
  'probe',
  'sweepKeys',
  'findLetters',
] satisfies (keyof PartitionStore)[]);

/** Most calls change nothing, and their results say so. */
function mayHaveChanged(name: string, result: unknown): boolean {
  if (UNCHANGING.has(name)) return false;
  if (name === 'lease') return (result as readonly unknown[]).length > 0;
  if (name !== 'sweep') return true;
  const { enqueued, requeued, deleted, dead } = result as SweepResult;
  return enqueued + requeued + deleted + dead.length > 0;
}

async function itemsOf(store: PartitionStore): Promise<readonly StoredItem[]> {
  const page = { pivot: '', limit: Number.MAX_SAFE_INTEGER };
  const states = ['queued', 'scheduled', 'prepared'] as const;
  return (await Promise.all(states.map((state) => store.list({ state, ...page })))).flat();
}

/** The name of a partition in a history. */
export function placeOf({ queue, partition }: PartitionKey): string {
  return `${queue}/${partition}`;
}

function staysOf(items: readonly StoredItem[]): ReadonlyMap<string, Stay> {
  const stays = new Map<string, Stay>();
  for (const item of items) {
    const { id, reference, attempts, sourceId } = item;
    stays.set(id, { name: reference, id, state: stateOf(item), attempts, sourceId });
  }
  return stays;
}

function stateOf(item: StoredItem): Stay['state'] {
  if (item.enqueueAt !== undefined) return 'scheduled';
  if (!item.isLeased) return 'waiting';
  return item.leaseDeadline === undefined ? 'moving' : 'leased';
}

function difference(before: ReadonlyMap<string, Stay>, after: ReadonlyMap<string, Stay>): Effect | undefined {
  const came: Stay[] = [];
  const changed: { before: Stay; after: Stay }[] = [];
  for (const stay of after.values()) {
    const old = before.get(stay.id);
    if (old === undefined) came.push(stay);
    else if (old.state !== stay.state || old.attempts !== stay.attempts)
      changed.push({ before: old, after: stay });
  }
  const left: Stay[] = [];
  for (const stay of before.values()) if (!after.has(stay.id)) left.push(stay);
  if (came.length + changed.length + left.length === 0) return undefined;
  return { came, left, changed, now: [...came, ...changed.map(({ after: stay }) => stay)] };
}

/** Only a sweep finds out when a claim on a moving item ends. */
function nextDueMs(items: readonly StoredItem[], now: Instant): number | undefined {
  const dues = items.map((item) =>
    stateOf(item) === 'moving' ? now : (item.enqueueAt ?? item.leaseDeadline ?? item.expireDeadline),
  );
  if (dues.length === 0) return undefined;
  return Math.max(0, Math.min(...dues.map((due) => millisecondsBetween(now, due))));
}
