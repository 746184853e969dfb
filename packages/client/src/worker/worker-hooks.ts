import { type Clock, type Instant, millisecondsBetween } from '@querator/core';
import { catchRejection, shown, warner } from '../callback-warnings.ts';
import { type DateValue, toDate } from '../values/point-in-time.ts';
import type { WorkItem } from './work-item.ts';

/** What becomes of an item whose handler failed. */
export interface FailedWork {
  /** When the item becomes available again. Undefined: it is dead. */
  readonly retryAt: DateValue | undefined;
}

/** How long a handler took. */
export interface EndedWork {
  readonly durationMs: number;
}

/**
 * What happens in a worker, for logs and metrics. A hook that throws causes a
 * process warning, and nothing else.
 */
export interface WorkerHooks<Payload> {
  /** A handler starts. */
  readonly started?: ((item: WorkItem<Payload>) => void) | undefined;
  /** The item was completed at the server. */
  readonly completed?: ((item: WorkItem<Payload>, work: EndedWork) => void) | undefined;
  /**
   * The handler threw, or its timeout passed, or the payload could not be read.
   * Without this hook, failures become process warnings, at most one a minute.
   */
  readonly failed?: ((error: unknown, item: WorkItem<unknown>, work: FailedWork) => void) | undefined;
  /** The lease of the item ended before its handler did, or before it could start. */
  readonly lost?: ((item: Pick<WorkItem<unknown>, 'id' | 'attempts'>) => void) | undefined;
  /**
   * A call failed, and the worker goes on. Without this hook, such errors become
   * process warnings, at most one a minute.
   */
  readonly error?: ((error: unknown) => void) | undefined;
}

/** The same hooks, guarded: they never throw. */
export interface GuardedHooks<Payload> {
  started(item: WorkItem<Payload>): void;
  completed(item: WorkItem<Payload>, startedAt: Instant): void;
  failed(error: unknown, item: WorkItem<unknown>, retryAt: Instant | undefined): void;
  lost(item: Pick<WorkItem<unknown>, 'id' | 'attempts'>): void;
  error(error: unknown): void;
}

const WARNING_CODE = 'QUERATOR_WORKER';

/** Adds defaults to the hooks of a worker, and keeps their failures from it. */
export function guardHooks<Payload>(
  hooks: WorkerHooks<Payload>,
  { queue, clock }: { readonly queue: string; readonly clock: Clock },
): GuardedHooks<Payload> {
  const subject = `the worker of queue '${queue}'`;
  const warnOf = (name: string) => warner(`the hook '${name}' of ${subject}`, WARNING_CODE, clock);
  const guarded = <Args extends readonly unknown[]>(
    name: string,
    hook: ((...args: Args) => void) | undefined,
  ): ((...args: Args) => void) => {
    if (hook === undefined) return () => {};
    const warn = warnOf(name);
    const failed = (thrown: unknown) => warn(`threw ${shown(thrown)}`);
    return (...args) => {
      try {
        catchRejection(hook(...args), failed);
      } catch (thrown) {
        failed(thrown);
      }
    };
  };
  const warnFailed = warner(`a handler of ${subject}`, WARNING_CODE, clock);
  const warnError = warner(`a call of ${subject}`, WARNING_CODE, clock);
  const completed = guarded('completed', hooks.completed);
  const failed = guarded('failed', hooks.failed ?? ((error) => warnFailed(`failed: ${shown(error)}`)));
  return {
    started: guarded('started', hooks.started),
    completed: (item, startedAt) =>
      completed(item, { durationMs: millisecondsBetween(startedAt, clock.now()) }),
    failed: (error, item, retryAt) =>
      failed(error, item, { retryAt: retryAt === undefined ? undefined : toDate(retryAt) }),
    lost: guarded('lost', hooks.lost),
    error: guarded('error', hooks.error ?? ((error) => warnError(`failed: ${shown(error)}`))),
  };
}
