import type { Clock, Random } from '@querator/core';
import type { Codec } from '../codec/codec.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { TimeSpan } from '../values/time-span.ts';
import type { StopSignal } from './stop-signals.ts';
import type { WorkHandler } from './work-item.ts';
import type { WorkerHooks } from './worker-hooks.ts';

/** Options of a worker. */
export interface WorkerOptions<Payload> {
  /** The queue to work on. */
  readonly queue: string;
  /** What to do with each item. Throw a `Dead` or `RetryAt` to decide what becomes of a failed one. */
  readonly handler: WorkHandler<Payload>;
  /** Items that are handled at the same time; 1 by default, which keeps their order. */
  readonly concurrency?: number | undefined;
  /** How payloads are read: `json<T>()`, `text`, or `bytes`, the default. */
  // biome-ignore lint/suspicious/noExplicitAny: what a producer sends does not matter here.
  readonly codec?: Codec<any, Payload> | undefined;
  /**
   * How long a handler may take. Then its signal is aborted, and its item counts
   * as failed. The handler keeps its place until it ends. Default: no limit.
   */
  readonly handlerTimeout?: TimeSpan | undefined;
  /**
   * How long a stop waits for the handlers at work before it aborts their signals;
   * 25 s by default, 5 s less than Kubernetes allows.
   */
  readonly stopTimeout?: TimeSpan | undefined;
  /**
   * Signals of the operating system that stop the worker: SIGTERM and SIGINT by
   * default. A second one aborts the handlers. Once the worker has stopped, the
   * process ends unless somebody else listens to the signal.
   */
  readonly stopSignals?: readonly StopSignal[] | undefined;
  /** Stops the worker when it is aborted. */
  readonly signal?: AbortSignal | undefined;
  /**
   * How long a renewed lease lasts. Default: as long as the queue's leases. The
   * worker renews each lease when half of its time has passed. A server that cannot
   * renew leases is a `MissingCapabilityError` then.
   */
  readonly leaseTimeout?: TimeSpan | undefined;
  /**
   * How long the worker renews the lease of an item, counted from the lease; `12h` by
   * default. It bounds a handler that hangs so that not even its timeout can pass.
   */
  readonly maxHold?: TimeSpan | undefined;
  /** How long the server waits for items; `1m` by default. */
  readonly leaseWait?: TimeSpan | undefined;
  /**
   * The delay before a failed item is available again, by its number of attempts.
   * Default: longer each time, up to 5 minutes. The default also applies if the
   * function throws or returns no duration.
   */
  readonly retryDelay?: ((attempts: number, error: unknown) => TimeSpan) | undefined;
  readonly hooks?: WorkerHooks<Payload> | undefined;
  /** Follows items, such as `openTelemetry()` of `@querator/client/opentelemetry`. */
  readonly telemetry?: Telemetry | undefined;
  /** Unique among the consumers of the queue. Default: a random id. */
  readonly clientId?: string | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}
