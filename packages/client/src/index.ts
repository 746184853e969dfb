export { timestampToDate } from '@querator/protocol';
export type { CallOptions, RequestFields } from './call.ts';
export { type Client, type ClientOptions, createClient } from './client.ts';
export { bytes, type Codec, type EncodedContent, text } from './codec/codec.ts';
export { json } from './codec/json.ts';
export { PayloadError } from './codec/payload-error.ts';
export type { SchemaIssue, SchemaResult, StandardSchema } from './codec/standard-schema.ts';
export { type ConsumeOptions, consume, type ItemContext } from './consume.ts';
export { MissingCapabilityError } from './discovery/missing-capability-error.ts';
export type { ServerInfo } from './discovery/server-info.ts';
export {
  type EnsuredQueue,
  type EnsureQueueOptions,
  ensureQueue,
  QueueDiffersError,
  type QueueWish,
} from './ensure-queue.ts';
export { BrokenReplyError } from './errors/broken-reply-error.ts';
export { ClientError } from './errors/client-error.ts';
export { ConnectError } from './errors/connect-error.ts';
export { ConnectionLostError } from './errors/connection-lost-error.ts';
export { InfrastructureError } from './errors/infrastructure-error.ts';
export { ReplyError } from './errors/reply-error.ts';
export { RequestTimeoutError } from './errors/request-timeout-error.ts';
export { type ItemsToList, listItems, listQueues, listScheduled, type QueuesToList } from './pages.ts';
export { type EngineCalls, inProcess } from './port/in-process.ts';
export type { ProduceSource, QueueSource } from './port/port-of.ts';
export type { PortNewItem, PortProduce, ProducedItem, ProducePort } from './port/produce-port.ts';
export type {
  Extended,
  Lease,
  PortExtend,
  PortItems,
  PortLease,
  PortRetry,
  QueuePort,
  Refusals,
  ServerTime,
} from './port/queue-port.ts';
export { type Producer, producer } from './producer/producer.ts';
export type { ProducerOptions, SendOptions, SentItem } from './producer/producer-options.ts';
export { type BackOff, backOffMs, DEFAULT_BACK_OFF, isTransient, isUnstored } from './retry-policy.ts';
export type { HandledWork, SentWork, Telemetry, TracePairs } from './telemetry/telemetry.ts';
export type { Fetch } from './transport/fetch-transport.ts';
export type { ClientTls } from './transport/http/open-socket.ts';
export type { PointInTime } from './values/point-in-time.ts';
export type { TimeSpan } from './values/time-span.ts';
export { type WaitForTaskOptions, waitForTask } from './wait-for-task.ts';
export type { StopSignal } from './worker/stop-signals.ts';
export { Dead, RetryAt } from './worker/thrown-verdicts.ts';
export { type AbortCause, WorkAborted } from './worker/work-aborted.ts';
export type { WorkContext, WorkHandler, WorkItem, WorkSource } from './worker/work-item.ts';
export { type Worker, worker } from './worker/worker.ts';
export type { EndedWork, FailedWork, WorkerHooks } from './worker/worker-hooks.ts';
export type { WorkerOptions } from './worker/worker-options.ts';
