import { errorText, type InstanceView } from '@querator/core';
import type { PartitionStorage } from '../../manager/placements.ts';

/** The storages that servers are configured to drain. */
export interface Draining {
  /** As far as this process knows. */
  readonly storages: () => ReadonlySet<string>;
  /** Whether the storages of all servers are known. */
  readonly isKnown: () => boolean;
}

/** @param view the servers that run. Returns undefined until they are known. */
export function drainingOf(
  storages: readonly PartitionStorage[],
  view: () => InstanceView | undefined,
): Draining {
  const own = storages.filter(({ drain }) => drain === true).map(({ backend }) => backend.name);
  return {
    storages: () => {
      const others = view()?.instances.flatMap((each) => each.storages) ?? [];
      return new Set([...own, ...others.filter(({ drain }) => drain === true).map(({ name }) => name)]);
    },
    isKnown: () => view() !== undefined,
  };
}

/** The servers that may place new partitions on a storage, in words. */
export function placingServers(view: InstanceView | undefined, storage: string): readonly string[] {
  if (view === undefined) return ['the servers that run are not known yet'];
  const older = (name: string) =>
    errorText`server '${name}' is too old to say whether it places new partitions there; upgrade or stop it`;
  const records = view.instances.flatMap(({ name, storages }) => {
    const found = storages.find((each) => each.name === storage);
    if (found === undefined || found.affinity === 0) return [];
    if (found.affinity === undefined) return [older(name)];
    return [errorText`server '${name}' places new partitions there; set the affinity to 0 at that server`];
  });
  return [...records, ...(view.unrecorded ?? []).map(({ name }) => older(name))];
}
