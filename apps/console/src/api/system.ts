import { call } from './call.ts';
import type { Time } from './types.ts';

/** A storage of the server that answers. */
export interface ServerStorage {
  readonly name: string;
  readonly driver: string;
  readonly affinity?: number;
  readonly drain?: boolean;
  readonly capabilities?: readonly string[];
}

/** What the server that answers can do. */
export interface ServerInfo {
  readonly version: string;
  readonly capabilities?: readonly string[];
  readonly storages?: readonly ServerStorage[];
  readonly queue_storage?: ServerStorage;
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

export const serverInfo = (signal?: AbortSignal): Promise<ServerInfo> =>
  call('v2/server.info', {}, { signal });

export const listInstances = (signal?: AbortSignal): Promise<Instances> =>
  call('v2/instances.list', {}, { signal });
