import type { Clock, QueueStore } from '@querator/core';
import { SYSTEM_NAMESPACE } from '@querator/core';
import { VERSION } from '../version.ts';

/** Longer than this and the storage counts as down (wire.md, section 10). */
const CHECK_TIMEOUT_MS = 5_000;

/** The state of the server in the format of draft-inadarei-api-health-check. */
export interface Health {
  readonly status: 'pass' | 'fail';
  readonly version: string;
  readonly checks: Readonly<Record<string, readonly HealthCheck[]>>;
}

interface HealthCheck {
  readonly componentType: 'datastore';
  readonly status: 'pass' | 'fail';
  /** UTC, whole seconds. */
  readonly time: string;
  readonly output?: string;
}

/**
 * Says whether queues can be served, by listing one of them.
 *
 * @param isStopping during shutdown the answer is `fail`, so that load
 *   balancers look elsewhere.
 */
export function createHealthCheck(deps: {
  readonly clock: Clock;
  readonly queueStore: QueueStore;
  readonly isStopping: () => boolean;
}): () => Promise<Health> {
  return async () => {
    const passed = !deps.isStopping() && (await canListQueues(deps));
    const status = passed ? 'pass' : 'fail';
    const time = new Date(Number(deps.clock.now() / 1_000n)).toISOString().replace(/\.\d+Z$/, 'Z');
    const check: HealthCheck = {
      componentType: 'datastore',
      status,
      time,
      ...(passed ? {} : { output: 'storage check failed' }),
    };
    return { status, version: VERSION, checks: { 'queues:storage': [check] } };
  };
}

function canListQueues({
  clock,
  queueStore,
}: {
  readonly clock: Clock;
  readonly queueStore: QueueStore;
}): Promise<boolean> {
  return new Promise((resolve) => {
    const cancel = clock.startTimer(CHECK_TIMEOUT_MS, () => resolve(false));
    queueStore
      .list({ namespace: SYSTEM_NAMESPACE, pivot: '', limit: 1 })
      .then(
        () => true,
        () => false,
      )
      .then((passed) => {
        cancel();
        resolve(passed);
      });
  });
}
