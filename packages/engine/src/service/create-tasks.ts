import type { QueueStore, StorageSignals, TaskStore } from '@querator/core';
import type { EngineDeps } from '../engine-deps.ts';
import type { PartitionStorage } from '../manager/placements.ts';
import type { QueueManager } from '../manager/queue-manager.ts';
import type { AdmitMove } from '../tasks/kinds/admission.ts';
import { DeleteItems } from '../tasks/kinds/delete-items.ts';
import { Drain } from '../tasks/kinds/drain.ts';
import { MovePartition, type RequireStorage } from '../tasks/kinds/move-partition.ts';
import { Rebalance } from '../tasks/kinds/rebalance.ts';
import { ResizeQueue } from '../tasks/kinds/resize-queue.ts';
import { RetryItems } from '../tasks/kinds/retry-items.ts';
import { TransferItems } from '../tasks/kinds/transfer-items.ts';
import type { Draining } from '../tasks/placing/draining.ts';
import type { TaskKind } from '../tasks/task-kind.ts';
import { TaskQueues } from '../tasks/task-queues.ts';
import { TaskRunner } from '../tasks/task-runner.ts';
import type { RequireCapability } from './pauses-service.ts';
import { TasksService } from './tasks-service.ts';

const OWNER_LENGTH = 20;

/** Creates what stores tasks and works on them, with all kinds. */
export function createTasks(
  { clock, random, logger, observer }: EngineDeps,
  deps: {
    readonly manager: QueueManager;
    readonly storages: readonly PartitionStorage[];
    readonly store: TaskStore | undefined;
    readonly signals: StorageSignals | undefined;
    readonly requireCapability: RequireCapability;
    readonly admitMove: AdmitMove | undefined;
    readonly queueStore: QueueStore;
    readonly requireStorage: RequireStorage;
    readonly draining: Draining;
  },
): TasksService {
  const { manager, storages, store, signals, requireCapability, admitMove, queueStore, requireStorage } =
    deps;
  const queues = new TaskQueues(manager, storages);
  const movePartition = new MovePartition({
    ...{ clock, manager, store: queueStore, storages, requireStorage, requireCapability },
    draining: deps.draining,
  });
  const wake = () => runner?.wake();
  const placing = store && {
    ...{ clock, store, movePartition, wake, queueStore, storages, draining: deps.draining },
  };
  const all: readonly TaskKind[] = [
    new DeleteItems(queues),
    new RetryItems(queues),
    new TransferItems('redrive', queues, admitMove),
    new TransferItems('move', queues, admitMove),
    movePartition,
    new ResizeQueue({ clock, manager, store: queueStore, storages, requireStorage, requireCapability }),
    ...(placing === undefined ? [] : [new Drain(placing), new Rebalance(placing)]),
  ];
  const kinds = new Map(all.map((kind) => [kind.kind, kind]));
  // Each process has another owner id, so that it does not take the claims of another one for its own.
  const owner = store === undefined ? '' : random.base62(OWNER_LENGTH);
  const runner = store && new TaskRunner({ clock, logger, observer, store, signals, owner, kinds });
  return new TasksService({ manager, random, store, kinds, runner, requireCapability });
}
