import {
  addDuration,
  type Clock,
  type Duration,
  type Instant,
  milliseconds,
  toMilliseconds,
} from '@querator/core';
import type { Codec } from '../codec/codec.ts';
import type { HandledWork, Telemetry } from '../telemetry/telemetry.ts';
import type { HeldItem } from './held-item.ts';
import { Dead, RetryAt } from './thrown-verdicts.ts';
import { WorkAborted } from './work-aborted.ts';
import { toWorkItem, type WorkContext, type WorkHandler, type WorkItem } from './work-item.ts';
import type { RunningHandler, Verdict } from './work-loop.ts';
import type { GuardedHooks } from './worker-hooks.ts';

/** Dependencies of {@link HandlerRuns}. */
export interface HandlerRunsDeps<Payload> {
  readonly queue: string;
  readonly clock: Clock;
  // biome-ignore lint/suspicious/noExplicitAny: what a producer sends does not matter here.
  readonly codec: Codec<any, Payload>;
  readonly handler: WorkHandler<Payload>;
  readonly handlerTimeout: Duration | undefined;
  readonly hooks: GuardedHooks<Payload>;
  /** Guarded. */
  readonly telemetry: Telemetry | undefined;
  /** The delay before a failed item is available again, in milliseconds. Never throws. */
  readonly retryDelayMs: (attempts: number, error: unknown) => number;
}

/** The longest text of an error that goes with an item, in characters of at most 3 bytes: 2 KiB. */
const LONGEST_ERROR = 682;

/** Runs the handler of a worker, and turns what it does into a verdict. */
export class HandlerRuns<Payload> {
  readonly #deps: HandlerRunsDeps<Payload>;
  readonly #started = new WeakMap<HeldItem, { readonly item: WorkItem<Payload>; readonly at: Instant }>();

  constructor(deps: HandlerRunsDeps<Payload>) {
    this.#deps = deps;
  }

  /** Starts the handler of an item. Never throws. */
  start(held: HeldItem, signal: AbortSignal): RunningHandler {
    const { clock, handlerTimeout } = this.#deps;
    const ended = this.#run(held, signal);
    if (handlerTimeout === undefined) return { verdict: ended, ended };
    const { promise: verdict, resolve } = Promise.withResolvers<Verdict>();
    const cancel = clock.startTimer(toMilliseconds(handlerTimeout), () => {
      const error = new WorkAborted('handler-timeout');
      held.ending?.abort(error);
      // The item goes back at once. The handler keeps its place until it ends.
      resolve(this.#failed(held, error));
    });
    void ended.then((known) => {
      cancel();
      resolve(known);
    });
    return { verdict, ended };
  }

  /** Reports an item whose result was sent. */
  sent(held: HeldItem, verdict: Verdict, failure: unknown): void {
    const started = this.#started.get(held);
    if (verdict.isDone && failure === undefined && started !== undefined) {
      this.#deps.hooks.completed(started.item, started.at);
    }
  }

  /** Never rejects. */
  async #run(held: HeldItem, signal: AbortSignal): Promise<Verdict> {
    const { queue, clock, codec, handler, hooks, telemetry } = this.#deps;
    try {
      const at = clock.now();
      const { payload, encoding, kind } = held.item;
      const decoded = codec.decode(payload, { encoding, kind });
      const item = toWorkItem(held.item, decoded instanceof Promise ? await decoded : decoded);
      this.#started.set(held, { item, at });
      hooks.started(item);
      const context: WorkContext = { queue, partition: held.partition, signal };
      if (telemetry === undefined) await handler(item, context);
      else
        await telemetry.handle(handledWork(item, context), async () => void (await handler(item, context)));
      return { isDone: true };
    } catch (error) {
      return this.#failed(held, error);
    }
  }

  #failed(held: HeldItem, error: unknown): Verdict {
    const giveBack = () => {
      const retryAt = this.#retryAt(held, error);
      const payload: unknown = this.#started.get(held)?.item.payload;
      this.#deps.hooks.failed(error, toWorkItem(held.item, payload), retryAt);
      return { id: held.id, dead: retryAt === undefined, retryAt, error: textOf(error) };
    };
    return { isDone: false, giveBack };
  }

  /** Undefined: the item is dead. */
  #retryAt({ attempts }: HeldItem, error: unknown): Instant | undefined {
    const { clock, retryDelayMs } = this.#deps;
    if (error instanceof Dead) return undefined;
    if (error instanceof RetryAt) return error.at;
    return addDuration(clock.now(), milliseconds(retryDelayMs(attempts, error)));
  }
}

function handledWork(item: WorkItem<unknown>, { queue, partition }: WorkContext): HandledWork {
  const { id, firstId, attempts, bytes, metadata, source } = item;
  return {
    queue,
    partition,
    id,
    firstId,
    attempts,
    bytes: bytes.length,
    isDeadLetter: source !== undefined,
    pairs: metadata,
  };
}

/** The text of an error that goes with the item, in characters that the server takes. */
function textOf(error: unknown): string {
  const text = error instanceof Dead || error instanceof RetryAt ? `${error.message}` : described(error);
  const short = text.length > LONGEST_ERROR ? `${text.slice(0, LONGEST_ERROR - 1)}…` : text;
  return short.replaceAll('\0', '\ufffd').toWellFormed();
}

function described(error: unknown): string {
  try {
    return String(error);
  } catch {
    return 'something that cannot be shown';
  }
}
