import { type CapabilityRule, STORAGE_CAPABILITIES, type StorageCapabilities } from './capabilities.ts';
import type { PartitionStore } from './partition-store.ts';
import type { QueueStore } from './queue-store.ts';
import type { StorageBackend } from './storage-backend.ts';

/** A rule whose members are those of the ports. */
interface MembersOfPorts {
  readonly backend?: readonly (keyof StorageBackend)[];
  readonly queues?: readonly (keyof QueueStore)[];
  readonly partitions?: readonly (keyof PartitionStore)[];
}

/** The list, of which this file would not compile with a member that no port has. */
const RULES: Readonly<Record<string, Omit<CapabilityRule, keyof MembersOfPorts> & MembersOfPorts>> =
  STORAGE_CAPABILITIES;

/**
 * Where the claims of a storage and its optional members disagree. Uses no disk and no
 * network. Empty: nowhere.
 */
export function capabilityFaults(backend: StorageBackend): readonly string[] {
  const claims: Readonly<Record<string, boolean | undefined>> = backend.capabilities;
  const ports = {
    backend: ['the backend', backend],
    queues: ['its queue store', backend.queueStore()],
    partitions: ['its partition store', backend.partitionStore({ queue: 'any', partition: 0 })],
  } as const;
  const faults = Object.keys(claims)
    .filter((name) => !Object.hasOwn(STORAGE_CAPABILITIES, name))
    .map((name) => `claims '${name}', which is no capability`);
  if (claims['shared'] === true && claims['durable'] !== true)
    faults.push("claims 'shared' without 'durable'");
  for (const [name, rule] of Object.entries(RULES)) {
    for (const port of ['backend', 'queues', 'partitions'] as const) {
      const [place, object] = ports[port];
      for (const member of rule[port] ?? []) {
        const isThere = (object as unknown as Readonly<Record<string, unknown>>)[member] !== undefined;
        if (isThere === (claims[name] === true)) continue;
        faults.push(
          isThere
            ? `does not claim '${name}', but ${place} has ${member}`
            : `claims '${name}', but ${place} has no ${member}`,
        );
      }
    }
  }
  return faults;
}

/**
 * The claims that an object with fewer optional members can keep, for decorators that leave
 * some out.
 *
 * @param claims of the backend that it stands for.
 */
export function claimsWithin(
  claims: StorageCapabilities,
  backend: Partial<StorageBackend>,
): StorageCapabilities {
  const lost = Object.entries(RULES)
    .filter(([, rule]) => rule.backend?.some((member) => backend[member] === undefined))
    .map(([name]) => [name, false]);
  return { ...claims, ...Object.fromEntries(lost) };
}
