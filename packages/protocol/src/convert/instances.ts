import type { InstanceView } from '@querator/core';
import type { InstancesListResponse } from '../gen/querator/v2/instances.ts';
import { toTimestamp } from '../time/wire-time.ts';

/** The wire form of the servers that run. @param self the id of the one that answers. */
export function fromInstances(
  { now, instances, unrecorded }: InstanceView,
  self: string,
): InstancesListResponse {
  return {
    instances: instances.map(({ id, name, version, startedAt, heartbeatAt, storages, capabilities }) => ({
      ...{ id, name, version },
      startedAt: toTimestamp(startedAt),
      heartbeatAt: toTimestamp(heartbeatAt),
      storages: storages.map((storage) => ({ name: storage.name, driver: storage.driver })),
      capabilities: [...capabilities],
      self: id === self,
    })),
    unrecorded: (unrecorded ?? []).map(({ id, text }) => ({ id, description: text })),
    complete: unrecorded !== undefined,
    readAt: toTimestamp(now),
  };
}
