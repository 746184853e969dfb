export { actionOf, actionsOf } from './audit/action.ts';
export type { AuditChange, AuditEvent, AuditOutcome, NewAuditEvent } from './audit/audit-event.ts';
export type { AuditEffect, CallAudit, MakeAuditEvent } from './audit/call-audit.ts';
export { type AuditedValue, changesBetween } from './audit/changes-between.ts';
export { ACCESS_CONFLICTS } from './auth/access-conflicts.ts';
export { accessDenied } from './auth/access-denied.ts';
export type {
  ApiKey,
  Namespace,
  PreviousSecret,
  Role,
  RoleBinding,
  User,
} from './auth/access-records.ts';
export { checkNamespaceName } from './auth/namespace-name.ts';
export { PERMISSIONS, type Permission } from './auth/permission.ts';
export { ANONYMOUS, type Caller, type Principal } from './auth/principal.ts';
export {
  QUOTA_LIMITS,
  type Quota,
  type QuotaKind,
  type QuotaLimit,
  type QuotaLimits,
  type QuotaSubject,
} from './auth/quota.ts';
export { ERROR_CODES, type ErrorCode } from './errors/error-codes.ts';
export { ERROR_REASONS, type ErrorReason } from './errors/error-reasons.ts';
export { MESSAGES } from './errors/messages.ts';
export {
  capabilityMissing,
  dedupMissing,
  metadataUnavailable,
  noSuchNamespace,
  noSuchQueue,
  overloaded,
  pauseHasPassed,
  queueExists,
  queuePaused,
  queueShutdown,
  scheduleExists,
  serviceShutdown,
  storageFailed,
  storageTooSlow,
  takenTooLate,
  taskExcluded,
  tooManySchedules,
  tooManyTasks,
  unavailable,
} from './errors/named-errors.ts';
export { OtherQueueError } from './errors/other-queue-error.ts';
export { invalid, QueueError, type QueueErrorOptions } from './errors/queue-error.ts';
export { StorageError, type StorageOutcome } from './errors/storage-error.ts';
export { invariant } from './invariant.ts';
export type {
  DeadLetter,
  ExtendedItem,
  ImportedItem,
  ItemContent,
  LeasedItem,
  NewItem,
  RetriedItem,
  StoredItem,
} from './item/item.ts';
export {
  DEATH_REASONS,
  type Death,
  type DeathReason,
  type ImportedDetails,
  type ItemDetails,
  type LetterSource,
  type Metadata,
} from './item/item-details.ts';
export {
  checkItemId,
  heldTooLong,
  itemNotLeased,
  itemScheduled,
  type LeaseAction,
  noSuchItem,
} from './item/item-errors.ts';
export {
  dueOf,
  type FoundItem,
  type InstantRange,
  type ItemFilter,
  knownError,
  knownReason,
  matchesFilter,
} from './item/item-filter.ts';
export {
  formatItemId,
  ITEM_ID_LENGTH,
  ITEM_ID_RANDOM_LENGTH,
  type ItemId,
  itemIdFault,
} from './item/item-id.ts';
export { ITEM_STATES, type ItemState } from './item/item-state.ts';
export {
  contentBytes,
  detailsBytes,
  isBudgetSpent,
  newItemBytes,
  PAYLOAD_BUDGET,
} from './item/payload-budget.ts';
export {
  ATTEMPTS_MAX,
  DEFAULT_DEDUP_WINDOW,
  LIMITS,
  LONGEST_DEDUP_WINDOW,
  LONGEST_REQUEST_TIMEOUT,
  SCHEDULE_THRESHOLD,
  SHORTEST_DEDUP_WINDOW,
  SHORTEST_REQUEST_TIMEOUT,
} from './limits.ts';
export { guardedLogger, type LogFields, type Logger, silentLogger } from './logger.ts';
export { PAUSABLE, type Pausable, type Pause, type PauseChange, type Pauses } from './queue/pause.ts';
export {
  type EarlierKeys,
  type KeySpread,
  type NewQueue,
  type PartitionMoving,
  type PartitionPlacement,
  type Queue,
  type QueueResizes,
  type QueueResizing,
  type QueueSettings,
  SYSTEM_NAMESPACE,
} from './queue/queue.ts';
export type { Random } from './random.ts';
export { checkMetadata, checkText } from './rules/item-texts.ts';
export { checkQueueKnown, checkQueueName } from './rules/queue-name.ts';
export { RunOnce } from './running/run-once.ts';
export { RunningWork } from './running/running-work.ts';
export { SharedRun, type SharedRunOptions } from './running/shared-run.ts';
export { within } from './running/within.ts';
export {
  type Backlog,
  MISSED_POLICIES,
  type MissedPolicy,
  type NewSchedule,
  type Schedule,
  type ScheduledItem,
  type ScheduleFailure,
  type ScheduleSettings,
  type ScheduleState,
} from './schedule/schedule.ts';
export type {
  AccessListRequest,
  AccessReads,
  AccessStore,
  AccessTransaction,
  Grants,
  KeyUse,
  UserKey,
} from './storage/access-store.ts';
export type { AuditListRequest, AuditPage, AuditPosition, AuditStore } from './storage/audit-store.ts';
export {
  CAPABILITY_NAMES,
  type CapabilityRule,
  claimedCapabilities,
  STORAGE_CAPABILITIES,
  type StorageCapabilities,
  type StorageCapability,
} from './storage/capabilities.ts';
export { capabilityFaults, claimsWithin } from './storage/capability-faults.ts';
export { checkOptions, driverFault, optionPath } from './storage/check-driver.ts';
export {
  ACCESS_READS,
  ACCESS_STORE,
  AUDIT_STORE,
  decorateStore,
  MOVE_STORE,
  makeStore,
  PARTITION_STORE,
  type PortCall,
  type PortMembers,
  QUEUE_STORE,
  RATE_STORE,
  SCHEDULE_STORE,
  STORAGE_BACKEND,
  TASK_STORE,
} from './storage/decorate-store.ts';
export { FIND_BOUNDS, type FindBounds, type FindPage, type FindRequest } from './storage/find-items.ts';
export {
  HEARTBEAT_INTERVAL,
  INSTANCE_RECORD_TIMEOUT,
  INSTANCE_TIMEOUT,
  type Instance,
  type InstanceRecord,
  type InstanceStorage,
  type InstanceStore,
  type InstanceView,
  type UnrecordedInstance,
} from './storage/instance-store.ts';
export type {
  Adopted,
  Dropped,
  ItemsTables,
  ListedTable,
  TableState,
} from './storage/items-tables.ts';
export type { KeyedImport, KeyedImportItems, KeyedImportResult } from './storage/keyed-import.ts';
export {
  KEYS_PAGE_IDS,
  type KeyedItems,
  type KeyedItemsResult,
  type KeyedProduceAndLeaseResult,
  type KeyedProduceOptions,
  type KeyedProduceRequest,
  type KeyedProduceResult,
  type KeySweepResult,
  type KeysRequest,
} from './storage/keyed-produce.ts';
export type {
  CarriedBatch,
  CarriedChanges,
  CarriedItem,
  CarriedItems,
  CarriedKey,
  CarriedKeys,
  CarriedState,
  ClosedPartition,
  FencedKeys,
  GateState,
  MoveClaim,
  MoveEnd,
  MoveStore,
} from './storage/move-store.ts';
export {
  type HeldOutbox,
  type ListedOutboxQueue,
  MOST_COUNTED_ROWS,
  type MovedRows,
  OUTBOX_HOLD_MS,
  OUTBOX_RENEW_MS,
  type Outbox,
  type OutboxBatch,
  type OutboxFault,
  type OutboxMove,
  type OutboxQueue,
  type OutboxRow,
  type OutboxRows,
  type ProduceFromOutbox,
  type RelayName,
  type RowLimits,
} from './storage/outbox.ts';
export type { Outcome } from './storage/outcome.ts';
export type {
  ClearRequest,
  CompleteRequest,
  CountOptions,
  DeathRules,
  ItemListRequest,
  LeaseBatch,
  LetterTimeouts,
  MarkResult,
  PartitionCounts,
  PartitionStats,
  ProbeResult,
  ProduceAndLeaseResult,
  ProduceRequest,
  ProduceResult,
  RetryRequest,
  RetryResult,
  SeenItem,
  SweepRequest,
  SweepResult,
} from './storage/partition-calls.ts';
export type { RemovableStore } from './storage/partition-removal.ts';
export type { PartitionStore } from './storage/partition-store.ts';
export { CLOSURE_MARGIN, type ClosableStore } from './storage/queue-closure.ts';
export {
  DELETION_RECORD_TIMEOUT,
  type QueueListRequest,
  type QueueRelations,
  type QueueSize,
  type QueueStamp,
  type QueueStore,
} from './storage/queue-store.ts';
export {
  type MinuteCounts,
  type QueueCounts,
  type QueueDepthSample,
  RATE_EVENTS,
  RATE_INTERVAL,
  RATES_KEPT,
  RATES_QUEUES_MAX,
  RATES_SPAN_MAX,
  type RateCounts,
  type RateStore,
  type Rates,
  type RatesRequest,
} from './storage/rate-store.ts';
export type {
  ClaimedSchedule,
  DueSchedules,
  ScheduleChange,
  ScheduleListRequest,
  ScheduleStore,
  SettledSchedule,
} from './storage/schedule-store.ts';
export { SharedResources } from './storage/shared-resources.ts';
export {
  type CountedPartition,
  type HeldHorizonNotice,
  HORIZON_HOLDERS,
  type MissingRightNotice,
  type PartitionKey,
  type PartitionOwner,
  type PartitionSize,
  type PollResult,
  type StorageBackend,
  type StorageNotice,
} from './storage/storage-backend.ts';
export type { StorageBackup } from './storage/storage-backup.ts';
export {
  type CheckedOptions,
  type DriverDeps,
  type GivenOptions,
  type OptionIssue,
  type OptionsCheck,
  type OptionsSchema,
  PORT_VERSION,
  type StorageDriver,
} from './storage/storage-driver.ts';
export type { StorageSignals } from './storage/storage-signals.ts';
export type {
  TakenIds,
  TakenItem,
  TakenItemsStore,
  TakenTarget,
  TakeRequest,
  TakeResult,
} from './storage/taken-items.ts';
export {
  type JsonValue,
  type NewTask,
  TASK_CHECKPOINT_BYTES,
  TASK_PARAMETERS_BYTES,
  TASK_RECORD_TIMEOUT,
  TASK_RECORDS_MAX,
  TASK_STATES,
  TASKS_RUNNING_MAX,
  type Task,
  type TaskCounts,
  type TaskNeed,
  type TaskPosition,
  type TaskState,
} from './storage/task.ts';
export type {
  ClaimedTask,
  TaskChange,
  TaskClaim,
  TaskClaimRequest,
  TaskEnd,
  TaskListRequest,
  TaskStore,
} from './storage/task-store.ts';
export type { TransferRequest, TransferResult } from './storage/transfer.ts';
export { SystemRandom } from './system-random.ts';
export {
  ECHO_LENGTH,
  type ErrorTextValue,
  echo,
  errorText,
  Verbatim,
  verbatim,
} from './text/error-text.ts';
export { byteLength, hasWhitespace, isBlank, isLongerThan } from './text/text-rules.ts';
export { BACKGROUND_PARTS, backgroundPauseMs } from './time/background-share.ts';
export type { CancelTimer, Clock } from './time/clock.ts';
export {
  type Duration,
  DurationSyntaxError,
  formatDuration,
  microseconds,
  milliseconds,
  parseDuration,
  toMicroseconds,
  toMilliseconds,
} from './time/duration.ts';
export {
  addDuration,
  expireDeadlineFrom,
  type Instant,
  instantFromMicroseconds,
  instantFromMilliseconds,
  instantText,
  LAST_INSTANT,
  millisecondsBetween,
  UNSET_INSTANT,
} from './time/instant.ts';
export { SystemClock } from './time/system-clock.ts';
