import { accessDenied, SYSTEM_NAMESPACE } from '@querator/core';
import type { endpointsV2, Handlers, ServerStorage, StoragesStorage } from '@querator/protocol';
import type { DescribedStorages } from '../../config/described-storages.ts';
import type { CallContext } from '../call/call-context.ts';
import { FAILED, type HealthChecks, type StorageState } from '../health/health.ts';

/** What the list of storages is made of. */
export interface StoragesDeps {
  readonly health: Pick<HealthChecks, 'storages'>;
  /** As the configuration says. */
  readonly described: DescribedStorages;
  /** The number of partitions by storage. */
  readonly partitionCounts: () => Promise<ReadonlyMap<string, number>>;
}

/** The handler that lists the storages of this server. */
export function storagesHandlers({
  health,
  described,
  partitionCounts,
}: StoragesDeps): Handlers<typeof endpointsV2.storages, CallContext> {
  const { storages, queueStorage } = described;
  return {
    async list(_, { caller }) {
      if (!caller.may('queue.stats', SYSTEM_NAMESPACE)) throw accessDenied();
      // While the storage of the queues fails, the list says so, and does without the numbers.
      const counting = partitionCounts().catch(() => new Map<string, number>());
      const [states, partitions] = await Promise.all([health.storages(), counting]);
      const weights = storages.reduce((sum, { affinity }) => sum + affinity, 0);
      const shown = states.map((state) => {
        const { name } = state;
        const storage = storages.find((each) => each.name === name) ?? queueStorage;
        const { affinity = 0 } = storage ?? {};
        return {
          ...shownState(state, storage),
          share: weights === 0 ? 0 : Math.round((100 * affinity) / weights),
          partitions: partitions.get(name) ?? 0,
          keepsQueues: queueStorage?.name === name,
        };
      });
      return { storages: shown };
    },
  };
}

function shownState(
  { name, result, outOfService, drain }: StorageState,
  storage: ServerStorage | undefined,
): Omit<StoragesStorage, 'share' | 'partitions' | 'keepsQueues'> {
  const { passed, latencyMs, notices } = result;
  const { driver = '', affinity = 0, capabilities = [], drain: drains = false } = storage ?? {};
  const horizon = notices.filter(({ kind }) => kind === 'held-horizon').map(({ text }) => text);
  const others = notices.filter(({ kind }) => kind !== 'held-horizon').map(({ text }) => text);
  const reasons = passed ? [...others, ...outOfService] : [FAILED];
  const holds = drain?.holds ?? [];
  const isFine = reasons.length + horizon.length === 0 && (drain === undefined || holds.length === 0);
  return {
    ...{ name, driver, affinity, capabilities: [...capabilities], drain: drains, reasons, horizon },
    state: passed ? (isFine ? 'pass' : 'warn') : 'fail',
    latencyMs: Math.ceil(latencyMs),
    drainHolds: [...holds],
    canBeSwitchedOff: drain?.canBeSwitchedOff === true,
  };
}
