import {
  type Clock,
  errorText,
  LIMITS,
  type Random,
  RunOnce,
  // biome-ignore lint/style/noRestrictedImports: an outermost function of the package.
  SystemClock,
  // biome-ignore lint/style/noRestrictedImports: the same.
  SystemRandom,
  toMilliseconds,
  within,
} from '@querator/core';
import { shown, warner } from '../callback-warnings.ts';
import { bytes, type Codec } from '../codec/codec.ts';
import { MissingCapabilityError } from '../discovery/missing-capability-error.ts';
import { keepProcessAlive } from '../keep-process-alive.ts';
import { portOf, type QueueSource } from '../port/port-of.ts';
import type { QueuePort } from '../port/queue-port.ts';
import { backOffMs, LONGEST_DELAY_MS } from '../retry-policy.ts';
import { guardTelemetry } from '../telemetry/guard-telemetry.ts';
import { toDuration, toDurationText } from '../values/time-span.ts';
import { HandlerRuns } from './handler-run.ts';
import { listenToStopSignals, type StopSignal } from './stop-signals.ts';
import { WorkAborted } from './work-aborted.ts';
import { DEFAULT_MAX_HOLD, WorkLoop } from './work-loop.ts';
import { guardHooks } from './worker-hooks.ts';
import type { WorkerOptions } from './worker-options.ts';

/** A running worker. */
export interface Worker {
  /**
   * Resolves when the worker has stopped. Rejects if it cannot go on, as when the
   * queue does not exist: with a QueueError or ClientError.
   */
  readonly done: Promise<void>;
  /** The number of handlers at work. */
  readonly running: number;
  /**
   * Starts no more items, gives back those that were not started, and waits for
   * the handlers at work, which are aborted after the stop timeout. Settles as
   * `done` does.
   */
  stop(): Promise<void>;
  /** The same, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

const CLIENT_ID_LENGTH = 10;
const DEFAULT_LEASE_WAIT = '1m';
const DEFAULT_STOP_TIMEOUT = '25s';
const DEFAULT_STOP_SIGNALS: readonly StopSignal[] = ['SIGTERM', 'SIGINT'];
const ITEM_BACK_OFF = { firstMs: 1_000, mostMs: 300_000 };
const MOST_CONCURRENCY = 100_000;
/** How long handlers have to end once their signals are aborted. Then their items are given back. */
const ABORT_TIMEOUT_MS = 2_000;

/**
 * Starts a worker: it leases items as handlers come free, runs the handler on
 * each, completes those whose handler returned, and retries those whose handler
 * threw. Each item is handled at least once.
 *
 * While the server is unreachable or busy, the worker waits and tries again.
 *
 * @param source a client, or a queue in the same process.
 * @throws TypeError for an option that is wrong.
 */
export function worker(source: QueueSource, options: WorkerOptions<Uint8Array> & NoCodec): Worker;
export function worker<Payload>(
  source: QueueSource,
  options: WorkerOptions<Payload> & HasCodec<Payload>,
): Worker;
export function worker<Payload>(source: QueueSource, options: WorkerOptions<Payload>): Worker {
  return new RunningWorker(source, options);
}

/** Without a codec, payloads are bytes. */
interface NoCodec {
  readonly codec?: undefined;
}

interface HasCodec<Payload> {
  // biome-ignore lint/suspicious/noExplicitAny: what a producer sends does not matter here.
  readonly codec: Codec<any, Payload>;
}

class RunningWorker<Payload> implements Worker {
  readonly done: Promise<void>;
  readonly #clock: Clock;
  readonly #loop: WorkLoop;
  readonly #stopping = new AbortController();
  readonly #stopTimeoutMs: number;
  readonly #ended = Promise.withResolvers<void>();
  readonly #abort = new RunOnce(() => this.#abortHandlers());
  readonly #stop = new RunOnce(() => this.#stopInTime());

  constructor(source: QueueSource, options: WorkerOptions<Payload>) {
    const { queue, clock = new SystemClock(), random = new SystemRandom(), signal } = options;
    this.#clock = clock;
    this.#stopTimeoutMs = toMilliseconds(
      toDuration('stopTimeout', options.stopTimeout ?? DEFAULT_STOP_TIMEOUT),
    );
    const hooks = guardHooks(options.hooks ?? {}, { queue, clock });
    const telemetry =
      options.telemetry && guardTelemetry(options.telemetry, `the worker of queue '${queue}'`, clock);
    const runs = new HandlerRuns<Payload>({
      ...{ queue, clock, hooks, handler: options.handler, telemetry },
      // Without a codec, the payload is a Uint8Array.
      codec: options.codec ?? (bytes as Codec<never, never>),
      handlerTimeout: durationOf('handlerTimeout', options.handlerTimeout),
      retryDelayMs: retryDelay(options, { clock, random }),
    });
    const port = portOf(source, clock);
    this.#loop = new WorkLoop({
      ...{ port, clock, random, queueName: queue, batchSize: LIMITS.leaseBatch },
      clientId: options.clientId ?? `id-${random.base62(CLIENT_ID_LENGTH)}`,
      concurrency: checkConcurrency(options.concurrency ?? 1),
      leaseWait: toDurationText('leaseWait', options.leaseWait ?? DEFAULT_LEASE_WAIT),
      leaseTimeout: durationOf('leaseTimeout', options.leaseTimeout),
      maxHold: toDuration('maxHold', options.maxHold ?? DEFAULT_MAX_HOLD),
      discoversFirst: true,
      onDiscovered: () => checkCapabilities(port, options),
      signal: this.#stopping.signal,
      handle: (held, ending) => runs.start(held, ending),
      onError: (error) => hooks.error(error),
      onSent: (held, verdict, failure) => runs.sent(held, verdict, failure),
      onLost: ({ id, attempts }) => hooks.lost({ id, attempts }),
    });
    this.done = this.#run(options.stopSignals ?? DEFAULT_STOP_SIGNALS, signal);
  }

  get running(): number {
    return this.#loop.running;
  }

  async stop(): Promise<void> {
    await Promise.all([this.#stop.run(), this.done]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #run(stopSignals: readonly StopSignal[], signal: AbortSignal | undefined): Promise<void> {
    const stop = () => void this.#stop.run();
    const releaseProcess = keepProcessAlive();
    const stopListening = listenToStopSignals(stopSignals, () => {
      // The second signal does not wait for the stop timeout.
      if (this.#stop.hasBegun) void this.#abort.run();
      else stop();
    });
    signal?.addEventListener('abort', stop);
    if (signal?.aborted) stop();
    try {
      await this.#loop.run();
    } finally {
      this.#ended.resolve();
      signal?.removeEventListener('abort', stop);
      releaseProcess();
      stopListening();
    }
  }

  async #stopInTime(): Promise<void> {
    this.#stopping.abort();
    await within(this.#clock, this.#stopTimeoutMs, this.#ended.promise);
    await this.#abort.run();
  }

  async #abortHandlers(): Promise<void> {
    const reason = new WorkAborted('stop-timeout');
    this.#loop.abortHandlers(reason);
    await within(this.#clock, ABORT_TIMEOUT_MS, this.#ended.promise);
    this.#loop.abandonHandlers(reason.message);
  }
}

function durationOf(name: string, span: number | string | undefined) {
  return span === undefined ? undefined : toDuration(name, span);
}

/** @throws MissingCapabilityError if the server cannot do what the options ask for. */
function checkCapabilities<Payload>(
  port: QueuePort,
  { leaseTimeout, maxHold }: WorkerOptions<Payload>,
): void {
  if (port.extend !== undefined) return;
  const { version } = port;
  const option = leaseTimeout !== undefined ? 'leaseTimeout' : maxHold !== undefined ? 'maxHold' : undefined;
  if (option !== undefined)
    throw new MissingCapabilityError(`the option ${option}`, 'queue.extend', { version });
}

function checkConcurrency(concurrency: number): number {
  if (Number.isInteger(concurrency) && concurrency >= 1 && concurrency <= MOST_CONCURRENCY)
    return concurrency;
  throw new TypeError(
    errorText`concurrency is invalid; '${String(concurrency)}' is not a whole number from 1 to ${MOST_CONCURRENCY}`,
  );
}

function retryDelay<Payload>(
  { queue, retryDelay: given }: WorkerOptions<Payload>,
  { clock, random }: { readonly clock: Clock; readonly random: Random },
): (attempts: number, error: unknown) => number {
  const usual = (attempts: number) => backOffMs(attempts, random, ITEM_BACK_OFF);
  if (given === undefined) return usual;
  const warn = warner(`retryDelay of the worker of queue '${queue}'`, 'QUERATOR_WORKER', clock);
  return (attempts, error) => {
    try {
      return Math.min(toMilliseconds(toDuration('retryDelay', given(attempts, error))), LONGEST_DELAY_MS);
    } catch (thrown) {
      warn(`failed: ${shown(thrown)}`);
      return usual(attempts);
    }
  };
}
