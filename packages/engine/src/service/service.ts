import {
  type Clock,
  checkQueueKnown,
  type InstanceView,
  type Logger,
  MESSAGES,
  type QueueStore,
  type Random,
  type RateStore,
  type ScheduleStore,
  type StorageSignals,
  type TaskStore,
  UNSET_INSTANT,
} from '@querator/core';
import type { EngineLimits, ItemBudget } from '../engine-deps.ts';
import { ActivationQueue } from '../manager/activation-queue.ts';
import type { PartitionStorage } from '../manager/placements.ts';
import { QueueManager } from '../manager/queue-manager.ts';
import type { EngineObserver } from '../observer.ts';
import type { LogicalQueue } from '../queue/logical-queue.ts';
import type { QueueDepth } from '../queue/queue-counts.ts';
import type { RequestsWaiting } from '../queue/requests-waiting.ts';
import { RateRecorder } from '../rates/rate-recorder.ts';
import { ScheduleLoop } from '../schedules/schedule-loop.ts';
import { TimeZones } from '../schedules/time-zone.ts';
import type { AdmitMove } from '../tasks/kinds/admission.ts';
import type { RequireStorage } from '../tasks/kinds/move-partition.ts';
import { DrainWatch, type DrainWatchDeps } from '../tasks/placing/drain-watch.ts';
import { drainingOf } from '../tasks/placing/draining.ts';
import type { EngineTracer } from '../tracer.ts';
import { createQueueLists } from './create-queue-lists.ts';
import { createTasks } from './create-tasks.ts';
import { DedupKeysService } from './dedup-keys-service.ts';
import { DescriptionsService } from './descriptions-service.ts';
import { engineDeps } from './engine-options.ts';
import { type AdmitFiring, makeFireItem } from './fire-item.ts';
import { ItemChangesService } from './item-changes-service.ts';
import { ItemsService } from './items-service.ts';
import { KeyedProduceService } from './keyed-produce-service.ts';
import { LeasedItemsRequests } from './leased-items-requests.ts';
import { LeasedItemsService } from './leased-items-service.ts';
import { MetadataCheck } from './metadata-check.ts';
import { NamespaceSizes } from './namespace-size.ts';
import { OutboxProduceService } from './outbox-produce-service.ts';
import { PausesService, type RequireCapability } from './pauses-service.ts';
import type { QueueListsService } from './queue-lists-service.ts';
import { QueueLookup } from './queue-lookup.ts';
import { QueueService } from './queue-service.ts';
import { type HasNamespace, QueuesService } from './queues-service.ts';
import { RatesService } from './rates-service.ts';
import { SchedulesService } from './schedules-service.ts';
import { StorageService } from './storage-service.ts';
import type { TasksService } from './tasks-service.ts';

export interface ServiceOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger?: Logger | undefined;
  readonly limits?: Partial<EngineLimits> | undefined;
  /** Receives what happens to items. */
  readonly observer?: EngineObserver | undefined;
  /** Limits the memory of produced items that wait for storage, over all queues. By default each queue has its own limit only. */
  readonly itemBudget?: ItemBudget | undefined;
  /** Records storage calls in the traces of their requests; see `CallOptions.trace`. */
  readonly tracer?: EngineTracer | undefined;
  /** Stores the queues' settings. */
  readonly queueStore: QueueStore;
  /** Change notifications about queues, from the storage of `queueStore`. Undefined if it has none. */
  readonly queueSignals?: StorageSignals | undefined;
  /** Whether a namespace besides `_system` exists. Undefined: every name is accepted for a queue's namespace. */
  readonly hasNamespace?: HasNamespace | undefined;
  /** Checks what every process on the storage of `queueStore` can do. Undefined: this is the only process. */
  readonly requireCapability?: RequireCapability | undefined;
  /** Checks which storages every process on the storage of `queueStore` has. Undefined: this is the only process. */
  readonly requireStorage?: RequireStorage | undefined;
  /** The processes on the storage of `queueStore`. Returns undefined until they are known. Absent: this is the only one. */
  readonly instances?: (() => InstanceView | undefined) | undefined;
  /** What a storage that drains keeps besides partitions, in words. Undefined: nothing. */
  readonly alsoOn?: DrainWatchDeps['alsoOn'];
  /** Stores schedules, beside `queueStore`. Undefined: queues have none. */
  readonly scheduleStore?: ScheduleStore | undefined;
  /** Judges the items of schedules, as a producer is judged by whoever calls `queue.produce`. Undefined: all are stored. */
  readonly admitFiring?: AdmitFiring | undefined;
  /** Judges items that tasks move to another namespace. Undefined: all may go. */
  readonly admitMove?: AdmitMove | undefined;
  /** Stores tasks, beside `queueStore`. Undefined: there are none. */
  readonly taskStore?: TaskStore | undefined;
  /** Counts what happens to the items of queues, beside `queueStore`. Undefined: nothing is counted. */
  readonly rateStore?: RateStore | undefined;
  /** Store the items. The service does not close them. */
  readonly storages: readonly PartitionStorage[];
  /**
   * Whether produce and lease on a queue that is not active yet wait, within their
   * own time, while storage fails. By default they throw the first StorageError.
   */
  readonly waitForStorage?: boolean | undefined;
}

/** The active partitions on one storage. */
export interface PartitionsAtWork {
  readonly all: number;
  /** Partitions out of service: a storage call failed, and no probe has succeeded since. */
  readonly outOfService: number;
}

/** The most items and ids in one request of a kind. */
export type BatchLimits = Pick<
  EngineLimits,
  'produceBatch' | 'completeBatch' | 'importBatch' | 'deleteBatch'
>;

/** The queue server without HTTP: every call of a client, as a method. */
export interface Service {
  /** The most items and ids that requests may have. */
  readonly batchLimits: BatchLimits;
  /** For producers and consumers. */
  readonly queue: QueueService;
  /** For producers, with dedup keys. */
  readonly keyedProduces: KeyedProduceService;
  /** For the relay of an outbox in the same database. */
  readonly outboxProduces: OutboxProduceService;
  /** For consumers, with an outcome for each item. */
  readonly leasedItems: LeasedItemsService;
  /** For operators, to find items of a queue. */
  readonly items: ItemsService;
  /** For operators, to change single items, with an outcome for each. */
  readonly itemChanges: ItemChangesService;
  /** For operators, to carry dedup keys from one server to another. */
  readonly dedupKeys: DedupKeysService;
  /** For the management of queues. */
  readonly queues: QueuesService;
  /** For operators, to see all queues with their counts. */
  readonly queueLists: QueueListsService;
  /** For operators, to see a queue with its partitions. */
  readonly descriptions: DescriptionsService;
  /** For operators, to see what happened to the items of a queue. */
  readonly rates: RatesService;
  /** For operators, to pause a queue and to resume it. */
  readonly pauses: PausesService;
  /** For operators, to produce items at certain times. Fires nothing before its `start`. */
  readonly schedules: SchedulesService;
  /** Long work on many items. Call its `start` to take part in it. */
  readonly tasks: TasksService;
  /** The storages that this process is configured to drain. Call its `start` to drain them. */
  readonly drains: Pick<DrainWatch, 'start' | 'states'>;
  /** For operators, to read and change the items of a partition. */
  readonly storage: StorageService;
  /** What namespaces hold in storage. */
  readonly namespaces: NamespaceSizes;

  /** Pending requests of each active queue. Reads memory only. */
  waiting(): ReadonlyMap<string, RequestsWaiting>;

  /** The health of the active partitions, by storage. Reads memory only. */
  partitions(): ReadonlyMap<string, PartitionsAtWork>;

  /**
   * The namespace of a queue; undefined if there is no such queue. A promise only
   * if the queue is not active. It may reject with a QueueError `invalid` for a
   * name that no queue can have, or with a StorageError.
   */
  namespaceOf(queueName: string): string | undefined | Promise<string | undefined>;

  /**
   * Counts in storage what an active queue holds. Undefined if the queue is not
   * active in this process, or stops.
   */
  depth(queueName: string): Promise<QueueDepth | undefined>;

  /** Refuses new calls and answers pending ones with `failed`. Resolves when running work has ended. */
  shutdown(): Promise<void>;
}

/** Creates a service. Starts nothing and calls no storage until its first call. */
export function createService(options: ServiceOptions): Service {
  const { queueStore, queueSignals, storages, hasNamespace, waitForStorage = false, ...given } = options;
  const { requireCapability = () => undefined, requireStorage = () => undefined } = options;
  const { taskStore, rateStore } = options;
  const plain = engineDeps(given);
  const { clock, logger } = plain;
  const recorder =
    rateStore &&
    new RateRecorder({ clock, logger, store: rateStore, depths: (queues) => lists.depths.of(queues) });
  const deps = recorder === undefined ? plain : { ...plain, observer: recorder.observing(plain.observer) };
  const manager = new QueueManager({
    engine: deps,
    store: queueStore,
    storages,
    queueSignals,
    activated: (queue) => activations.activated(queue),
    changed: (name) => lists.directory.changed(name),
  });
  const activations = new ActivationQueue(deps, (name) => manager.get(name));
  const lookup = new QueueLookup({ clock: deps.clock, manager, activations, waitForStorage });
  const metadata = new MetadataCheck(deps.clock, requireCapability);
  const lookups = { manager, limits: deps.limits, lookup, metadata };
  const requests = new LeasedItemsRequests(lookups);
  const zones = new TimeZones();
  const { scheduleStore: store, admitFiring, queueSignals: signals } = options;
  const fireItem = makeFireItem(lookups, admitFiring);
  const parts = store && { store, loop: new ScheduleLoop({ engine: deps, store, signals, zones, fireItem }) };
  const schedules = new SchedulesService({ manager, parts, random: deps.random, zones });
  const { instances: view = () => ALONE, alsoOn } = options;
  const draining = drainingOf(storages, view);
  const tasks = createTasks(deps, {
    draining,
    ...{ manager, storages, store: taskStore, signals, queueStore, requireCapability, requireStorage },
    admitMove: options.admitMove,
  });
  const drains = new DrainWatch({
    ...{ clock: deps.clock, logger: deps.logger, queueStore, store: taskStore, storages, view, alsoOn },
    createTask: (storage) => tasks.createDrain(storage),
  });
  const lists = createQueueLists(deps, { manager, storages, store: queueStore, rates: rateStore });
  return {
    batchLimits: deps.limits,
    queue: new QueueService(lookups, requests),
    keyedProduces: new KeyedProduceService(lookups),
    outboxProduces: new OutboxProduceService(lookups),
    leasedItems: new LeasedItemsService(requests),
    items: new ItemsService(manager),
    itemChanges: new ItemChangesService(lookups),
    dedupKeys: new DedupKeysService(manager, deps.clock),
    queues: new QueuesService({ manager, store: queueStore, hasNamespace }),
    queueLists: lists.service,
    descriptions: new DescriptionsService(manager, deps.clock),
    rates: new RatesService(manager, rateStore),
    pauses: new PausesService({ manager, store: queueStore, requireCapability }),
    schedules,
    tasks,
    drains,
    storage: new StorageService(manager, deps.limits),
    namespaces: new NamespaceSizes(manager, storages),
    waiting: () => new Map([...manager.running].map((queue) => [queue.queue.name, queue.waiting()])),
    partitions: () => partitionsOf(manager.running),
    namespaceOf: (queueName) =>
      manager.runningQueue(queueName)?.queue.namespace ?? storedNamespace(manager, queueName),
    depth: async (queueName) => depthOf(manager.runningQueue(queueName)),
    shutdown: async () => {
      const stopped = [schedules.stop(), drains.stop(), tasks.stop(), lists.sampler.stop()];
      lists.depths.stop();
      const active = new Set([...manager.running].map(({ queue }) => queue.name));
      activations.stop((name) => (active.has(name) ? MESSAGES.queueShutdown : MESSAGES.serviceShutdown));
      await manager.shutdown();
      await Promise.all(stopped);
      await recorder?.stop();
    },
  };
}

/** The view of a process that does not know of others. */
const ALONE: InstanceView = { now: UNSET_INSTANT, instances: [], unrecorded: [] };

async function depthOf(queue: LogicalQueue | undefined): Promise<QueueDepth | undefined> {
  return queue?.depth().catch(() => undefined);
}

async function storedNamespace(manager: QueueManager, queueName: string): Promise<string | undefined> {
  checkQueueKnown(queueName);
  return (await manager.find(queueName))?.namespace;
}

function partitionsOf(queues: Iterable<LogicalQueue>): ReadonlyMap<string, PartitionsAtWork> {
  const counts = new Map<string, { all: number; outOfService: number }>();
  for (const queue of queues) {
    for (const { storageName, inService } of queue.partitionsInService) {
      const count = counts.get(storageName) ?? { all: 0, outOfService: 0 };
      counts.set(storageName, count);
      count.all++;
      if (!inService) count.outOfService++;
    }
  }
  return counts;
}
