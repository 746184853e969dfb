export type { EngineLimits, ItemBudget } from './engine-deps.ts';
export { Instances, type InstancesDeps, type OwnRecord } from './instances/instances.ts';
export type { Lacking } from './instances/lacking.ts';
export type { Leased } from './loops/lease-requests.ts';
export type { Produced } from './loops/produce-loop.ts';
export type { PartitionStorage } from './manager/placements.ts';
export type { BatchOperation, EngineObserver, ItemEvent, ScheduleEvent } from './observer.ts';
export type { ProducedItem } from './queue/keyed-produces.ts';
export type { LogicalQueueStats } from './queue/logical-queue.ts';
export type { ActivePartitionStats, PartitionCounts, QueueDepth } from './queue/queue-counts.ts';
export type { RequestsWaiting } from './queue/requests-waiting.ts';
export type { GivenFilter } from './rules/filter-rules.ts';
export type { GivenItem } from './rules/import-rules.ts';
export type { CallOptions } from './service/call-options.ts';
export type {
  DedupKeysService,
  ExportKeysCall,
  ImportedKeys,
  ImportKeysCall,
  ShownKey,
  ShownKeys,
} from './service/dedup-keys-service.ts';
export type {
  DescribedPartition,
  DescriptionsService,
  QueueDescription,
} from './service/descriptions-service.ts';
export { DEFAULT_ENGINE_LIMITS } from './service/engine-options.ts';
export type { AdmitFiring, FiringToAdmit } from './service/fire-item.ts';
export type {
  ImportGivenItemsCall,
  ImportOutcome,
  ItemChangesService,
  ItemIdsCall,
} from './service/item-changes-service.ts';
export type {
  FindItemsCall,
  ItemGroup,
  ItemSummary,
  ItemsService,
  SearchOptions,
  ShownItem,
  ShownItems,
  SummarizeItemsCall,
} from './service/items-service.ts';
export type { KeyedProduceCall, KeyedProduceService } from './service/keyed-produce-service.ts';
export type { CompleteCall, ExtendCall, RetryCall } from './service/leased-items-requests.ts';
export type { LeasedItemsService } from './service/leased-items-service.ts';
export type { NamespaceQueues, NamespaceSizes } from './service/namespace-size.ts';
export type { OutboxProduceService } from './service/outbox-produce-service.ts';
export type { Page } from './service/page.ts';
export type { PausableCall, PauseCall, PausesService, RequireCapability } from './service/pauses-service.ts';
export type {
  ListQueueRowsCall,
  QueueListsService,
  QueueRow,
  QueueRowsPage,
} from './service/queue-lists-service.ts';
export type {
  ClearCall,
  LeaseCall,
  ProduceCall,
  QueueService,
} from './service/queue-service.ts';
export type {
  CreateOptions,
  ListQueuesCall,
  NewQueueSize,
  QueueCall,
  QueuesService,
} from './service/queues-service.ts';
export type { RatesService } from './service/rates-service.ts';
export type {
  ListSchedulesCall,
  NamedScheduleCall,
  ScheduleCall,
  SchedulesPage,
  SchedulesService,
} from './service/schedules-service.ts';
export {
  type BatchLimits,
  createService,
  type PartitionsAtWork,
  type Service,
  type ServiceOptions,
} from './service/service.ts';
export type {
  DeleteItemsCall,
  ImportedPage,
  ImportItemsCall,
  ListItemsCall,
  StorageService,
} from './service/storage-service.ts';
export type {
  AdmitPartitions,
  CreateTaskCall,
  ListTasksCall,
  ShownTask,
  TasksPage,
  TasksService,
} from './service/tasks-service.ts';
export type { AdmitMove, EnteringItems } from './tasks/kinds/admission.ts';
export type { DrainState } from './tasks/placing/drain-watch.ts';
export type {
  JudgeQueue,
  PreparedTask,
  StepBudget,
  StepResult,
  TaskCall,
  TaskKind,
} from './tasks/task-kind.ts';
export type { EndStatement, EngineTracer, RequestTrace, TracedStatement } from './tracer.ts';
export { CallerGone } from './waiting/pending-request.ts';
