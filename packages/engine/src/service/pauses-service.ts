import {
  type AuditChange,
  checkQueueKnown,
  type Instant,
  instantText,
  invalid,
  LAST_INSTANT,
  PAUSABLE,
  type Pausable,
  type PauseChange,
  type Pauses,
  type QueueStore,
  unavailable,
} from '@querator/core';
import type { QueueManager } from '../manager/queue-manager.ts';
import type { CallerOptions } from './queues-service.ts';

/** What of a queue a call names. */
export interface PausableCall extends Readonly<Record<Pausable, boolean>> {
  readonly queueName: string;
}

export interface PauseCall extends PausableCall {
  /** When the pause ends, by the storage's clock. Undefined: when the queue is resumed. */
  readonly until: Instant | undefined;
}

/**
 * Checks that every process on the same storage has a capability.
 *
 * @throws QueueError `retry` with the reason `unavailable`, also as the promise's rejection.
 */
export type RequireCapability = (capability: string) => Promise<void> | undefined;

/** What every process must know before a queue can be paused: others would go on. */
const CAPABILITY = 'queues.pause';

/**
 * Pauses queues, and resumes them. A paused queue refuses producers, or lets
 * consumers wait. Running leases, completes, retries and deadlines go on, and dead
 * letters still come in.
 *
 * All methods throw QueueError: `failed` during shutdown, `invalid` for an invalid
 * request or an unknown queue, `retry` while a process runs that does not know
 * pauses. They throw StorageError when storage fails. The permission is judged by
 * whoever calls them.
 */
export class PausesService {
  readonly #manager: QueueManager;
  readonly #store: Pick<QueueStore, 'pause'>;
  readonly #requireCapability: RequireCapability;

  constructor(deps: {
    readonly manager: QueueManager;
    readonly store: Pick<QueueStore, 'pause'>;
    readonly requireCapability: RequireCapability;
  }) {
    this.#manager = deps.manager;
    this.#store = deps.store;
    this.#requireCapability = deps.requireCapability;
  }

  /** Pauses what the call names. Replaces an earlier pause of it. @returns all pauses of the queue. */
  async pause({ until, ...call }: PauseCall, options: CallerOptions = {}): Promise<Pauses> {
    checkQueueKnown(call.queueName);
    if (!PAUSABLE.some((work) => call[work])) {
      throw invalid("invalid pause request; one of 'produce', 'lease' must be true");
    }
    if (until !== undefined && until > LAST_INSTANT) throw invalid('until is invalid; it is too far ahead');
    await this.#requireCapability(CAPABILITY);
    return this.#change(call, { until }, options);
  }

  /** Ends the pauses that the call names; all, if it names none. @returns the pauses that remain. */
  async resume(call: PausableCall, options: CallerOptions = {}): Promise<Pauses> {
    checkQueueKnown(call.queueName);
    const namesAny = PAUSABLE.some((work) => call[work]);
    return this.#change(namesAny ? call : { ...call, produce: true, lease: true }, 'resume', options);
  }

  async #change(call: PausableCall, change: PauseChange, { audit }: CallerOptions): Promise<Pauses> {
    this.#manager.checkRunning();
    if (this.#store.pause === undefined) {
      throw unavailable('retry', 'queues cannot be paused; their storage does not keep pauses');
    }
    const { queueName } = call;
    const changes: Partial<Record<Pausable, PauseChange>> = {};
    for (const work of PAUSABLE) if (call[work]) changes[work] = change;
    return this.#manager.changing(queueName, '', async () => {
      if (audit !== undefined) {
        const { pauses } = await this.#manager.info(queueName);
        audit.add({ changes: pauseChanges(pauses, changes) });
      }
      const stored = await this.#store.pause?.(queueName, changes, audit?.storedEvent);
      const { pauses = {} } = await this.#manager.changed(queueName, stored);
      return pauses;
    });
  }
}

function pauseChanges(
  before: Pauses = {},
  changes: Readonly<Partial<Record<Pausable, PauseChange>>>,
): readonly AuditChange[] {
  return PAUSABLE.flatMap((work) => {
    const change = changes[work];
    if (change === undefined) return [];
    const after = change === 'resume' ? undefined : change;
    return [{ field: `pause.${work}`, before: textOf(before[work]), after: textOf(after) }];
  });
}

function textOf(pause: { readonly until: Instant | undefined } | undefined): string {
  if (pause === undefined) return 'off';
  if (pause.until === undefined) return 'until resumed';
  return `until ${instantText(pause.until)}`;
}
