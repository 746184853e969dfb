import {
  type Clock,
  type Logger,
  type QueueStore,
  type StorageBackend,
  SYSTEM_NAMESPACE,
} from '@querator/core';
import type { PartitionsAtWork } from '@querator/engine';
import { VERSION } from '../../version.ts';
import { parseRequirement, type Requirement } from './requirement.ts';
import { type CheckResult, StorageCheck, type StorageCheckDeps } from './storage-check.ts';

/** The state of the server in the format of draft-inadarei-api-health-check. */
export interface Health {
  readonly status: 'pass' | 'fail';
  readonly version: string;
  readonly checks: Readonly<Record<string, readonly HealthCheck[]>>;
}

interface HealthCheck {
  readonly componentType: 'datastore';
  /** `warn`: it serves, and its operator should look at it. */
  readonly status: 'pass' | 'warn' | 'fail';
  /** How long the storage took to answer. */
  readonly observedValue?: number;
  readonly observedUnit?: 'ms';
  /** UTC, whole seconds. */
  readonly time: string;
  readonly output?: string;
}

/** What a health check works with. */
export interface HealthDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly queueStore: QueueStore;
  /** The storage that holds the queues. Absent: only `queueStore` is asked. */
  readonly queueStorage?: StorageBackend;
  /** The storages for partitions. */
  readonly storages: readonly StorageBackend[];
  /** How partitions fare, by the storage they are on. Absent: it is not known. */
  readonly partitions?: () => ReadonlyMap<string, PartitionsAtWork>;
  /** How long the answer of a storage is reused, in milliseconds. Undefined: ask it for each request. */
  readonly freshForMs?: number;
  /** During shutdown the answer is `fail`, so that load balancers look elsewhere. */
  readonly isStopping: () => boolean;
}

const FAILED = 'storage check failed';

/**
 * Says how the server and its storages are.
 *
 * The documented check, `queues:storage`, is whether queues can be listed. The
 * storages for partitions have one each, under their names. Which of them
 * decide is up to the caller; left to itself it is the documented one.
 */
export class HealthChecks {
  readonly #deps: HealthDeps;
  readonly #queues: StorageCheck;
  /** Whether the queues can be written too, where no other check tells. */
  readonly #queueStorage: StorageCheck | undefined;
  readonly #storages: readonly { readonly name: string; readonly check: StorageCheck }[];

  constructor(deps: HealthDeps) {
    const { queueStore, queueStorage } = deps;
    this.#deps = deps;
    this.#queues = this.#check('queue-storage', async () => {
      await queueStore.list({ namespace: SYSTEM_NAMESPACE, pivot: '', limit: 1 });
      return [];
    });
    const isExtra = queueStorage !== undefined && !deps.storages.includes(queueStorage);
    this.#queueStorage = isExtra ? this.#check('queue-storage', () => queueStorage.ping()) : undefined;
    this.#storages = deps.storages.map((backend) => ({
      name: backend.name,
      check: this.#check(backend.name, () => backend.ping()),
    }));
  }

  /**
   * Looks at all storages.
   *
   * @param query of the request: `requireStorage` and `quorum`.
   * @throws QueueError `invalid` for a query that is wrong; then nothing was looked at.
   */
  async look(query: URLSearchParams): Promise<Health> {
    const requirement = parseRequirement(query, this.#storages.length);
    const time = new Date(Number(this.#deps.clock.now() / 1_000n)).toISOString().replace(/\.\d+Z$/, 'Z');
    // The storages are being let go of: a look would fail, and the log would say so.
    if (this.#deps.isStopping()) return stopping(time);
    const [queues, ...partitions] = await Promise.all([
      requirement.kind === 'all' ? this.#allOfQueues() : this.#queues.run(),
      ...this.#storages.map(({ check }) => check.run()),
    ]);
    if (this.#deps.isStopping()) return stopping(time);
    const healthy = queues.passed && isMet(requirement, partitions);
    const checks: Record<string, HealthCheck[]> = { 'queues:storage': [documented(queues.passed, time)] };
    const atWork = this.#deps.partitions?.();
    partitions.forEach((result, n) => {
      const name = this.#storages[n]?.name ?? '';
      const key = `${name}:storage`;
      checks[key] = [...(checks[key] ?? []), detailed(result, atWork?.get(name), time)];
    });
    return { status: healthy ? 'pass' : 'fail', version: VERSION, checks };
  }

  async #allOfQueues(): Promise<CheckResult> {
    const [queues, storage] = await Promise.all([this.#queues.run(), this.#queueStorage?.run()]);
    return storage?.passed === false ? storage : queues;
  }

  #check(name: string, ask: StorageCheckDeps['ask']): StorageCheck {
    const { clock, logger, freshForMs = 0 } = this.#deps;
    return new StorageCheck({ clock, logger, name, freshForMs, ask });
  }
}

function isMet(requirement: Requirement, partitions: readonly CheckResult[]): boolean {
  const passed = partitions.filter((result) => result.passed).length;
  switch (requirement.kind) {
    case 'queue-info':
      return true;
    case 'all':
      return passed === partitions.length;
    case 'quorum':
      return passed >= requirement.count;
  }
}

function stopping(time: string): Health {
  return { status: 'fail', version: VERSION, checks: { 'queues:storage': [documented(false, time)] } };
}

/** With the keys that wire.md gives it, and no others. */
function documented(passed: boolean, time: string): HealthCheck {
  const status = passed ? 'pass' : 'fail';
  return { componentType: 'datastore', status, time, ...(passed ? {} : { output: FAILED }) };
}

function detailed(
  { passed, latencyMs, notices }: CheckResult,
  partitions: PartitionsAtWork | undefined,
  time: string,
): HealthCheck {
  const remarks = [...notices.map(({ text }) => text), ...outOfService(partitions)];
  const output = passed ? remarks.join('; ') : FAILED;
  return {
    componentType: 'datastore',
    status: passed ? (remarks.length > 0 ? 'warn' : 'pass') : 'fail',
    observedValue: Math.round(latencyMs * 10) / 10,
    observedUnit: 'ms',
    time,
    ...(output === '' ? {} : { output }),
  };
}

function outOfService(partitions: PartitionsAtWork | undefined): readonly string[] {
  if (partitions === undefined || partitions.outOfService === 0) return [];
  return [`${partitions.outOfService} of ${partitions.all} partitions at work are out of service`];
}
