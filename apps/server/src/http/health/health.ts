import {
  type Clock,
  type Logger,
  type QueueStore,
  type StorageBackend,
  SYSTEM_NAMESPACE,
} from '@querator/core';
import { VERSION } from '../../version.ts';
import { parseRequirement, type Requirement } from './requirement.ts';
import { type CheckResult, StorageCheck } from './storage-check.ts';

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
  /** The storages for partitions. */
  readonly storages: readonly StorageBackend[];
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
  readonly #storages: readonly { readonly name: string; readonly check: StorageCheck }[];

  constructor(deps: HealthDeps) {
    const { clock, logger, queueStore } = deps;
    this.#deps = deps;
    this.#queues = new StorageCheck({
      ...{ clock, logger, name: 'queue-storage' },
      ask: async () => {
        await queueStore.list({ namespace: SYSTEM_NAMESPACE, pivot: '', limit: 1 });
        return [];
      },
    });
    this.#storages = deps.storages.map((backend) => ({
      name: backend.name,
      check: new StorageCheck({ clock, logger, name: backend.name, ask: () => backend.ping() }),
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
      this.#queues.run(),
      ...this.#storages.map(({ check }) => check.run()),
    ]);
    if (this.#deps.isStopping()) return stopping(time);
    const healthy = queues.passed && isMet(requirement, partitions);
    const checks: Record<string, HealthCheck[]> = { 'queues:storage': [documented(queues.passed, time)] };
    partitions.forEach((result, n) => {
      const key = `${this.#storages[n]?.name}:storage`;
      checks[key] = [...(checks[key] ?? []), detailed(result, time)];
    });
    return { status: healthy ? 'pass' : 'fail', version: VERSION, checks };
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

function detailed({ passed, latencyMs, notices }: CheckResult, time: string): HealthCheck {
  const output = passed ? notices.map(({ text }) => text).join('; ') : FAILED;
  return {
    componentType: 'datastore',
    status: passed ? (notices.length > 0 ? 'warn' : 'pass') : 'fail',
    observedValue: Math.round(latencyMs * 10) / 10,
    observedUnit: 'ms',
    time,
    ...(output === '' ? {} : { output }),
  };
}
