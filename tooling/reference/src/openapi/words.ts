import { DEATH_REASONS, ITEM_STATES, MISSED_POLICIES, TASK_STATES } from '@querator/core';

/** The words that a field takes. The .proto files know them as texts. */
export const WORDS: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ['v2.ItemsFilter.state', ITEM_STATES],
  ['v2.ItemsFilter.reason', DEATH_REASONS],
  ['v2.ItemsItem.state', ITEM_STATES],
  ['v2.ItemsItem.reason', DEATH_REASONS],
  ['v2.ItemsSummarizeRequest.by', ['reason', 'error', 'kind']],
  ['v2.QueueItemSource.reason', DEATH_REASONS],
  ['v2.QueuesPartition.health', ['in_service', 'failing']],
  ['v2.Schedule.missed', MISSED_POLICIES],
  ['v2.Schedule.state', ['active', 'paused', 'failing', 'ended']],
  ['v2.ScheduleSettings.missed', MISSED_POLICIES],
  ['v2.Task.kind', ['delete', 'retry', 'redrive', 'move', 'move_partition']],
  ['v2.Task.state', TASK_STATES],
  ['v2.TasksCreateRequest.kind', ['delete', 'retry', 'redrive', 'move', 'move_partition']],
  ['v2.TasksListRequest.state', TASK_STATES],
  ['v2.AuditEvent.outcome', ['begun', 'ok', 'failed']],
  ['v2.QuotasGetResponse.source', ['stored', 'configured', 'default', 'none']],
]);
