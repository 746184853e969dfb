import {
  addDuration,
  CLOSURE_MARGIN,
  type Clock,
  type Duration,
  type Instant,
  type MakeAuditEvent,
  type NewQueue,
  PAUSABLE,
  type PartitionPlacement,
  type Pausable,
  type Pause,
  type PauseChange,
  pauseHasPassed,
  type Queue,
  type QueueListRequest,
  type QueueRelations,
  type QueueResizes,
  type QueueSize,
  type QueueStamp,
  type QueueStore,
  queueExists,
} from '@querator/core';
import type { MemoryAccessStore } from './access/memory-access-store.ts';
import type { MemoryAuditStore } from './audit/memory-audit-store.ts';
import { byteOrder } from './byte-order.ts';

const NOW = 0n as Duration;

type PauseEnds = Partial<Record<Pausable, Pick<Pause, 'until'>>>;

/** Queues in memory. They are few, so a list may sort them. */
export class MemoryQueueStore implements QueueStore {
  readonly #clock: Clock;
  readonly #assertOpen: () => void;
  readonly #events: Pick<MemoryAuditStore, 'prepare'>;
  readonly #inNamespace: MemoryAccessStore['inNamespace'];
  readonly #queues = new Map<string, Queue>();
  /** Until when the `beginDelete` of a queue is in force. */
  readonly #endings = new Map<string, Instant>();
  /** The last closure of each queue, and until when it lasts. */
  readonly #closures = new Map<string, { readonly token: string; readonly until: Instant }>();
  /** The ends of pauses that were started, by queue. */
  readonly #pauses = new Map<string, PauseEnds>();
  /** Deleted queues, as `recordOf` formats them. */
  readonly #deleted = new Set<string>();

  constructor(deps: {
    readonly clock: Clock;
    readonly assertOpen: () => void;
    readonly events: Pick<MemoryAuditStore, 'prepare'>;
    readonly inNamespace: MemoryAccessStore['inNamespace'];
  }) {
    this.#clock = deps.clock;
    this.#assertOpen = deps.assertOpen;
    this.#events = deps.events;
    this.#inNamespace = deps.inNamespace;
  }

  async create(
    queue: NewQueue,
    check: (relations: QueueRelations) => void = () => {},
    audit?: MakeAuditEvent,
    { namespaceMustExist = false }: { readonly namespaceMustExist?: boolean | undefined } = {},
  ): Promise<Queue> {
    this.#assertOpen();
    const create = () => this.#create(queue, check, audit);
    return namespaceMustExist ? this.#inNamespace(queue.namespace, create) : create();
  }

  /** Whether a namespace has queues. */
  hasQueuesIn(namespace: string): boolean {
    for (const queue of this.#queues.values()) if (queue.namespace === namespace) return true;
    return false;
  }

  /** When a queue was created. Undefined: there is none of that name. */
  createdAt(name: string): Instant | undefined {
    return this.#queues.get(name)?.createdAt;
  }

  /** The token of the queue's closure, if it is in force `ahead` from now. */
  closureOf(name: string, ahead: Duration = NOW): string | undefined {
    const closure = this.#closures.get(name);
    if (closure === undefined || closure.until <= addDuration(this.#clock.now(), ahead)) return undefined;
    return closure.token;
  }

  #create(
    queue: NewQueue,
    check: (relations: QueueRelations) => void,
    audit: MakeAuditEvent | undefined,
  ): Queue {
    if (this.#queues.has(queue.name)) throw queueExists(queue.name);
    if (queue.deadQueue !== '') check(this.#relations(queue.name, queue.deadQueue));
    const now = this.#clock.now();
    const stored = { ...settingsOf(queue), ...identityOf(queue), createdAt: now, updatedAt: now };
    const storeEvent = this.#events.prepare(audit);
    this.#queues.set(queue.name, stored);
    storeEvent();
    return copyOf(stored);
  }

  async get(name: string): Promise<Queue | undefined> {
    this.#assertOpen();
    const stored = this.#queues.get(name);
    return stored && this.#asRead(stored);
  }

  async stamps(names: readonly string[]): Promise<ReadonlyMap<string, QueueStamp>> {
    this.#assertOpen();
    const found = names.map((name) => this.#queues.get(name)).filter((queue) => queue !== undefined);
    return new Map(found.map(({ name, createdAt, updatedAt }) => [name, { createdAt, updatedAt }]));
  }

  async list({ namespace, pivot, limit }: QueueListRequest): Promise<readonly Queue[]> {
    this.#assertOpen();
    return this.#inOrder()
      .filter(
        (queue) => (namespace ?? queue.namespace) === queue.namespace && byteOrder(queue.name, pivot) >= 0,
      )
      .slice(0, limit)
      .map((queue) => this.#asRead(queue));
  }

  async update(
    name: string,
    change: (stored: Queue, relations: QueueRelations | undefined) => NewQueue,
    deadQueue = '',
    audit?: MakeAuditEvent,
  ): Promise<Queue | undefined> {
    this.#assertOpen();
    const stored = this.#queues.get(name);
    if (stored === undefined) return undefined;
    const relations = deadQueue === '' ? undefined : this.#relations(name, deadQueue);
    const updated = {
      ...settingsOf(change(copyOf(stored), relations)),
      ...identityOf(stored),
      ...(stored.resizes && { resizes: stored.resizes }),
      createdAt: stored.createdAt,
      updatedAt: this.#clock.now(),
    };
    const storeEvent = this.#events.prepare(audit);
    this.#queues.set(name, updated);
    storeEvent();
    return this.#asRead(updated);
  }

  async pause(
    name: string,
    changes: Readonly<Partial<Record<Pausable, PauseChange>>>,
    audit?: MakeAuditEvent,
  ): Promise<Queue | undefined> {
    this.#assertOpen();
    const stored = this.#queues.get(name);
    if (stored === undefined) return undefined;
    const now = this.#clock.now();
    const ends: PauseEnds = { ...this.#pauses.get(name) };
    for (const work of PAUSABLE) {
      const change = changes[work];
      if (change === 'resume') delete ends[work];
      else if (change !== undefined) {
        if (change.until !== undefined && change.until <= now) throw pauseHasPassed();
        ends[work] = { until: change.until };
      }
    }
    const updated = { ...stored, updatedAt: now };
    const storeEvent = this.#events.prepare(audit);
    this.#queues.set(name, updated);
    this.#pauses.set(name, ends);
    storeEvent();
    return this.#asRead(updated);
  }

  async place(
    name: string,
    createdAt: Instant,
    partition: number,
    change: (placement: PartitionPlacement) => PartitionPlacement,
    audit?: MakeAuditEvent,
  ): Promise<Queue | undefined> {
    this.#assertOpen();
    const stored = this.#queues.get(name);
    const placement = stored?.partitions[partition];
    if (stored?.createdAt !== createdAt || placement === undefined) return undefined;
    const partitions = stored.partitions.with(partition, { ...change(placement), partition });
    const updated = { ...stored, partitions, updatedAt: this.#clock.now() };
    const storeEvent = this.#events.prepare(audit);
    this.#queues.set(name, updated);
    storeEvent();
    return this.#asRead(updated);
  }

  async resize(
    name: string,
    createdAt: Instant,
    change: (stored: Queue) => QueueSize,
    audit?: MakeAuditEvent,
  ): Promise<Queue | undefined> {
    this.#assertOpen();
    const stored = this.#queues.get(name);
    if (stored?.createdAt !== createdAt) return undefined;
    const { partitions, resizes } = change(copyOf(stored));
    const isSame = partitions.length === stored.partitions.length;
    const updated = {
      ...stored,
      partitions: partitions.map((each, n) => copyOfPlacement(stored.partitions[n] ?? each)),
      requestedPartitions: isSame ? stored.requestedPartitions : partitions.length,
      resizes: copyOfResizes(resizes),
      updatedAt: this.#clock.now(),
    };
    const storeEvent = this.#events.prepare(audit);
    this.#queues.set(name, updated);
    storeEvent();
    return this.#asRead(updated);
  }

  async beginDelete(
    name: string,
    createdAt: Instant,
    { timeout, check }: { readonly timeout: Duration; readonly check: (usedBy: string | undefined) => void },
  ): Promise<boolean> {
    this.#assertOpen();
    if (this.#queues.get(name)?.createdAt !== createdAt) return false;
    check(this.#userOf(name));
    this.#endings.set(name, addDuration(this.#clock.now(), timeout));
    return true;
  }

  async close(
    name: string,
    createdAt: Instant,
    { token, timeout }: { readonly token: string; readonly timeout: Duration | undefined },
  ): Promise<boolean> {
    this.#assertOpen();
    if (this.#queues.get(name)?.createdAt !== createdAt) return false;
    if (timeout === undefined) {
      return this.#closures.get(name)?.token === token && this.#closures.delete(name);
    }
    this.#closures.set(name, { token, until: addDuration(this.#clock.now(), timeout) });
    return true;
  }

  async delete(
    name: string,
    createdAt?: Instant,
    check?: (usedBy: string | undefined, closure?: string) => void,
    audit?: MakeAuditEvent,
  ): Promise<boolean> {
    this.#assertOpen();
    const stored = this.#queues.get(name);
    if (stored === undefined || (createdAt !== undefined && stored.createdAt !== createdAt)) return false;
    check?.(this.#userOf(name), this.closureOf(name, CLOSURE_MARGIN));
    const storeEvent = this.#events.prepare(audit);
    this.#endings.delete(name);
    this.#closures.delete(name);
    this.#pauses.delete(name);
    this.#deleted.add(recordOf(name, stored.createdAt));
    this.#queues.delete(name);
    storeEvent();
    return true;
  }

  async wasDeleted(name: string, createdAt: Instant): Promise<boolean> {
    this.#assertOpen();
    return this.#deleted.has(recordOf(name, createdAt));
  }

  async forgetDeletion(name: string, createdAt: Instant): Promise<void> {
    this.#assertOpen();
    this.#deleted.delete(recordOf(name, createdAt));
  }

  async partitionCounts(): Promise<ReadonlyMap<string, number>> {
    this.#assertOpen();
    const counts = new Map<string, number>();
    for (const { partitions } of this.#queues.values()) {
      for (const { storageName } of partitions) counts.set(storageName, (counts.get(storageName) ?? 0) + 1);
    }
    return counts;
  }

  async findByDeadQueue(name: string): Promise<string | undefined> {
    this.#assertOpen();
    return this.#userOf(name);
  }

  /** Releases everything when the backend closes. */
  clear(): void {
    this.#queues.clear();
    this.#endings.clear();
    this.#closures.clear();
    this.#pauses.clear();
    this.#deleted.clear();
  }

  #relations(name: string, deadQueue: string): QueueRelations {
    const target = this.#queues.get(deadQueue);
    const endsAt = this.#endings.get(deadQueue);
    return {
      deadQueue: target && copyOf(target),
      deadQueueEnds: endsAt !== undefined && this.#clock.now() < endsAt,
      usedBy: this.#userOf(name),
    };
  }

  /** A copy of a queue, with its closure and its pauses that are in force. */
  #asRead(stored: Queue): Queue {
    const closure = this.closureOf(stored.name);
    const queue = closure === undefined ? copyOf(stored) : { ...copyOf(stored), closure };
    const ends = this.#pauses.get(queue.name);
    if (ends === undefined) return queue;
    const now = this.#clock.now();
    const pauses: Partial<Record<Pausable, Pause>> = {};
    for (const work of PAUSABLE) {
      const end = ends[work];
      if (end === undefined || (end.until !== undefined && end.until <= now)) continue;
      pauses[work] = { until: end.until, left: end.until && (((end.until - now) * 1_000n) as Duration) };
    }
    return Object.keys(pauses).length === 0 ? queue : { ...queue, pauses };
  }

  #userOf(name: string): string | undefined {
    return this.#inOrder().find((queue) => queue.deadQueue === name)?.name;
  }

  #inOrder(): Queue[] {
    return [...this.#queues.values()].sort((a, b) => byteOrder(a.name, b.name));
  }
}

/** The instant comes first: it contains no slash, so each queue has its own text. */
function recordOf(name: string, createdAt: Instant): string {
  return `${createdAt}/${name}`;
}

function settingsOf(queue: NewQueue) {
  const { leaseTimeout, expireTimeout, deadQueue, maxAttempts, reference, requestedPartitions } = queue;
  return { leaseTimeout, expireTimeout, deadQueue, maxAttempts, reference, requestedPartitions };
}

function identityOf({ name, namespace, partitions }: NewQueue) {
  return { name, namespace, partitions: partitions.map(copyOfPlacement) };
}

function copyOf(queue: Queue): Queue {
  const { resizes } = queue;
  const partitions = queue.partitions.map(copyOfPlacement);
  return { ...queue, partitions, ...(resizes && { resizes: copyOfResizes(resizes) }) };
}

function copyOfResizes({ last, current, spread, keys }: QueueResizes): QueueResizes {
  return {
    ...{ last, spread: [...spread] },
    ...(current !== undefined && { current: { ...current } }),
    ...(keys !== undefined && { keys: { ...keys } }),
  };
}

function copyOfPlacement({ partition, storageName, moving }: PartitionPlacement): PartitionPlacement {
  return { partition, storageName, ...(moving !== undefined && { moving: { ...moving } }) };
}
