import {
  type Clock,
  claimedCapabilities,
  type InstanceView,
  type Logger,
  type QueueStore,
  type StorageBackend,
  type StorageCapability,
  SYSTEM_NAMESPACE,
  serviceShutdown,
} from '@querator/core';
import type { DrainState, PartitionsAtWork } from '@querator/engine';
import type { RelayState } from '../../outbox/relay.ts';
import { VERSION } from '../../version.ts';
import { drainRemark } from './drain-remarks.ts';
import type { HealthCheck } from './health-check.ts';
import { outboxCheck } from './outbox-checks.ts';
import { parseRequirement, type Requirement } from './requirement.ts';
import { type CheckResult, StorageCheck, type StorageCheckDeps } from './storage-check.ts';

/** The state of the server in the format of draft-inadarei-api-health-check. */
export interface Health {
  readonly status: 'pass' | 'fail';
  readonly version: string;
  readonly checks: Readonly<Record<string, readonly HealthCheck[]>>;
}

/** The dependencies of the health checks. */
export interface HealthDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly queueStore: QueueStore;
  /** The storage of the queues. Undefined: only `queueStore` is checked. */
  readonly queueStorage?: StorageBackend;
  /** The storages for partitions. */
  readonly storages: readonly StorageBackend[];
  /** The state of partitions by storage. Undefined: unknown. */
  readonly partitions?: () => ReadonlyMap<string, PartitionsAtWork>;
  /** The servers on the same storage, as read last. Undefined: unknown. */
  readonly instances?: () => InstanceView | undefined;
  /** What the relays of outboxes do. Undefined: there are none. */
  readonly outboxes?: () => readonly RelayState[];
  /** How far the storages that drain have come. Undefined: none drains. */
  readonly drains?: () => readonly DrainState[];
  /** How long the result of a check is reused, in milliseconds. Undefined: each request checks again. */
  readonly freshForMs?: number;
  /** During a shutdown the health is `fail`, so that load balancers choose another server. */
  readonly isStopping: () => boolean;
}

/** The state of one storage. */
export interface StorageState {
  readonly name: string;
  readonly result: CheckResult;
  /** How many partitions are out of service, in words. Empty: none. */
  readonly outOfService: readonly string[];
  /** Undefined: it does not drain. */
  readonly drain: DrainState | undefined;
}

export const FAILED = 'storage check failed';

/**
 * Checks the health of the server and its storages.
 *
 * The documented check, `queues:storage`, lists a queue. Each partition storage
 * has a check under its name. The request decides which checks count; by
 * default only the documented one does.
 */
export class HealthChecks {
  readonly #deps: HealthDeps;
  readonly #queues: StorageCheck;
  /** Checks that queues can be written, if no partition storage's check shows it. */
  readonly #queueStorage: StorageCheck | undefined;
  readonly #storages: readonly {
    readonly name: string;
    readonly capabilities: readonly StorageCapability[];
    readonly check: StorageCheck;
  }[];

  constructor(deps: HealthDeps) {
    const { queueStore, queueStorage } = deps;
    this.#deps = deps;
    this.#queues = this.#createCheck('queue-storage', async () => {
      await queueStore.list({ namespace: SYSTEM_NAMESPACE, pivot: '', limit: 1 });
      return [];
    });
    const isExtra = queueStorage !== undefined && !deps.storages.includes(queueStorage);
    this.#queueStorage = isExtra ? this.#createCheck('queue-storage', () => queueStorage.ping()) : undefined;
    this.#storages = deps.storages.map((backend) => ({
      name: backend.name,
      capabilities: claimedCapabilities(backend.capabilities),
      check: this.#createCheck(backend.name, () => backend.ping()),
    }));
  }

  /**
   * Checks all storages.
   *
   * @param query of the request: `requireStorage` and `quorum`.
   * @throws QueueError `invalid` for a wrong query, before any check.
   */
  async check(query: URLSearchParams): Promise<Health> {
    const requirement = parseRequirement(query, this.#storages.length);
    const time = new Date(Number(this.#deps.clock.now() / 1_000n)).toISOString().replace(/\.\d+Z$/, 'Z');
    // The storages are closing: a check would fail and log an error.
    if (this.#deps.isStopping()) return stopping(time);
    const [queues, ...partitions] = await Promise.all([
      requirement.kind === 'all' ? this.#allOfQueues() : this.#queues.run(),
      ...this.#storages.map(({ check }) => check.run()),
    ]);
    if (this.#deps.isStopping()) return stopping(time);
    const healthy = queues.passed && isMet(requirement, partitions);
    const checks: Record<string, HealthCheck[]> = { 'queues:storage': [documented(queues.passed, time)] };
    const atWork = this.#deps.partitions?.();
    const drains = this.#deps.drains?.() ?? [];
    partitions.forEach((result, n) => {
      const { name = '', capabilities = [] } = this.#storages[n] ?? {};
      const key = `${name}:storage`;
      const drain = drains.find(({ storage }) => storage === name);
      const check = detailed(result, { partitions: atWork?.get(name), drain, time });
      checks[key] = [...(checks[key] ?? []), { ...check, capabilities }];
    });
    const view = this.#deps.instances?.();
    if (view !== undefined) checks['instances:count'] = [counted(view, time)];
    const outboxes = this.#deps.outboxes?.() ?? [];
    if (outboxes.length > 0) checks['outbox:relay'] = outboxes.map((state) => outboxCheck(state, time));
    return { status: healthy ? 'pass' : 'fail', version: VERSION, checks };
  }

  /**
   * Checks all storages, and says what an operator should know of each: those of partitions in
   * their order, then the one of the queues if it is another one.
   *
   * @throws QueueError `failed` during a shutdown.
   */
  async storages(): Promise<readonly StorageState[]> {
    if (this.#deps.isStopping()) throw serviceShutdown();
    const atWork = this.#deps.partitions?.();
    const drains = this.#deps.drains?.() ?? [];
    const queues = this.#queueStorage && { name: 'queue-storage', check: this.#queueStorage };
    const checked = [...this.#storages, ...(queues === undefined ? [] : [queues])];
    return Promise.all(
      checked.map(async ({ name, check }) => ({
        ...{ name, result: await check.run() },
        outOfService: outOfService(atWork?.get(name)),
        drain: drains.find(({ storage }) => storage === name),
      })),
    );
  }

  async #allOfQueues(): Promise<CheckResult> {
    const [queues, storage] = await Promise.all([this.#queues.run(), this.#queueStorage?.run()]);
    return storage?.passed === false ? storage : queues;
  }

  #createCheck(name: string, ask: StorageCheckDeps['ask']): StorageCheck {
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

/** The documented check has the documented keys and no others. */
function documented(passed: boolean, time: string): HealthCheck {
  const status = passed ? 'pass' : 'fail';
  return { componentType: 'datastore', status, time, ...(passed ? {} : { output: FAILED }) };
}

/** The number of servers, with a warning about those that keep no record. */
function counted({ instances, unrecorded = [] }: InstanceView, time: string): HealthCheck {
  const output = unrecorded.map(({ text }) => `a server of an older version uses the same database: ${text}`);
  return {
    ...{ componentType: 'system', status: output.length === 0 ? 'pass' : 'warn' },
    ...{ observedValue: instances.length + unrecorded.length, observedUnit: 'servers', time },
    ...(output.length === 0 ? {} : { output: output.join('; ') }),
  };
}

function detailed(
  { passed, latencyMs, notices }: CheckResult,
  {
    partitions,
    drain,
    time,
  }: {
    readonly partitions: PartitionsAtWork | undefined;
    readonly drain: DrainState | undefined;
    readonly time: string;
  },
): HealthCheck {
  const drains = drainRemark(drain);
  const remarks = [
    ...notices.map(({ text }) => text),
    ...outOfService(partitions),
    ...(drains === undefined ? [] : [drains]),
  ];
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
