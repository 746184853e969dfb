import { call } from './call.ts';
import type { Time } from './types.ts';

/** The state of a storage, as the server that answers sees it. */
export interface StorageState {
  readonly name: string;
  readonly driver: string;
  readonly state: string;
  readonly reasons?: readonly string[];
  readonly latency_ms?: number;
  readonly affinity?: number;
  /** In percent. */
  readonly share?: number;
  readonly partitions?: number;
  readonly drain?: boolean;
  readonly drain_holds?: readonly string[];
  readonly can_be_switched_off?: boolean;
  readonly horizon?: readonly string[];
  readonly keeps_queues?: boolean;
}

/** The storages of the server that answers. */
export interface Storages {
  readonly storages?: readonly StorageState[];
}

/** A server process on the same storage. */
export interface Instance {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly started_at?: Time;
  readonly heartbeat_at?: Time;
  readonly storages?: readonly { readonly name: string; readonly driver: string }[];
  readonly capabilities?: readonly string[];
  readonly self?: boolean;
}

/** The server processes on the same storage. */
export interface Instances {
  readonly instances?: readonly Instance[];
  readonly unrecorded?: readonly { readonly id: string; readonly description: string }[];
  readonly complete?: boolean;
  readonly read_at?: Time;
}

export const listStorages = (signal?: AbortSignal): Promise<Storages> =>
  call('v2/storages.list', {}, { signal });

export const listInstances = (signal?: AbortSignal): Promise<Instances> =>
  call('v2/instances.list', {}, { signal });
