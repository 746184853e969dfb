import type { AuditService, Quotas } from '@querator/access';
import type { Instances, Service } from '@querator/engine';
import {
  accessEndpoints,
  endpointsV2,
  type Handlers,
  queueEndpoints,
  queuesEndpoints,
  storageEndpoints,
} from '@querator/protocol';
import type { DescribedStorages } from '../../config/described-storages.ts';
import type { CallContext } from '../call/call-context.ts';
import type { Route, Routes } from '../call/route.ts';
import type { Sessions } from '../session/sessions.ts';
import { accessHandlers, missingAccessHandlers } from './access-handlers.ts';
import { auditHandlers } from './audit-handlers.ts';
import { instancesHandlers } from './instances-handlers.ts';
import { itemsHandlers } from './items-handlers.ts';
import { queueHandlers } from './queue-handlers.ts';
import { queueHandlersV2 } from './queue-handlers-v2.ts';
import { queuesHandlers } from './queues-handlers.ts';
import { quotasHandlers } from './quotas-handlers.ts';
import { schedulesHandlers } from './schedules-handlers.ts';
import { sessionHandlers } from './session-handlers.ts';
import { storageHandlers } from './storage-handlers.ts';
import { type StoragesDeps, storagesHandlers } from './storages-handlers.ts';
import { tasksHandlers } from './tasks-handlers.ts';
import { apiKeysHandlersV2, queuesHandlersV2, type ServedAccess, serverHandlers } from './v2-handlers.ts';

/**
 * The endpoints that this server serves, by path. A new endpoint is one row in a table and one handler.
 *
 * @param access undefined: the storage of the queues cannot keep users and their rights.
 * @param inUse.audit undefined: audit events are not stored.
 * @param inUse.quotas undefined: they are not in use.
 * @param inUse.sessions undefined: there are none.
 * @param inUse.storageStates the state of the storages, for `storages.list`. Undefined: none is shown.
 * @param inUse.storages those that `server.info` shows. Undefined: none.
 */
export function createRoutes(
  service: Service,
  access: ServedAccess,
  instances: Pick<Instances, 'id' | 'known' | 'capabilities'>,
  {
    audit,
    quotas,
    sessions,
    storages = { storages: [], queueStorage: undefined },
    storageStates = { health: { storages: async () => [] }, partitionCounts: async () => new Map() },
  }: {
    readonly audit?: AuditService | undefined;
    readonly quotas?: Quotas | undefined;
    readonly sessions?: Sessions | undefined;
    readonly storages?: DescribedStorages;
    readonly storageStates?: Omit<StoragesDeps, 'described'>;
  } = {},
): Routes {
  const { produceBatch, completeBatch, importBatch, deleteBatch } = service.batchLimits;
  return new Map([
    ...join(queueEndpoints, queueHandlers(service.queue), {
      produce: produceBatch,
      complete: completeBatch,
      retry: completeBatch,
    }),
    // The service ignores the partitions of a queue that a client sends.
    ...join(queuesEndpoints, queuesHandlers(service.queues, quotas), { create: 0, update: 0 }),
    ...join(storageEndpoints, storageHandlers(service.storage), {
      itemsImport: importBatch,
      itemsDelete: deleteBatch,
    }),
    ...join(accessEndpoints, access === undefined ? missingAccessHandlers() : accessHandlers(access.service)),
    ...join(endpointsV2.server, serverHandlers(instances.capabilities, storages)),
    ...join(endpointsV2.instances, instancesHandlers(instances)),
    ...join(endpointsV2.apiKeys, apiKeysHandlersV2(access)),
    ...join(endpointsV2.audit, auditHandlers(audit)),
    ...join(endpointsV2.queue, queueHandlersV2(service), {
      produce: produceBatch,
      complete: completeBatch,
      retry: completeBatch,
      extend: completeBatch,
    }),
    ...join(endpointsV2.items, itemsHandlers(service), {
      retry: completeBatch,
      delete: completeBatch,
      import: importBatch,
    }),
    ...join(endpointsV2.queues, queuesHandlersV2(service, quotas)),
    ...join(endpointsV2.quotas, quotasHandlers(access)),
    ...join(endpointsV2.schedules, schedulesHandlers(service.schedules)),
    ...join(endpointsV2.storages, storagesHandlers({ ...storageStates, described: storages })),
    ...join(endpointsV2.session, sessionHandlers(sessions)),
    ...join(endpointsV2.tasks, tasksHandlers(service.tasks, quotas)),
  ]);
}

function join<Table extends Readonly<Record<string, { readonly path: string }>>>(
  table: Table,
  handlers: Handlers<Table, CallContext>,
  elementLimits: { readonly [Name in keyof Table]?: number } = {},
): [string, Route][] {
  return Object.entries(table).map(([name, endpoint]) => [
    endpoint.path,
    // `Handlers` pairs the messages: the codec returns the message that the handler takes.
    {
      endpoint,
      elementLimit: elementLimits[name as keyof Table],
      handle: handlers[name as keyof Table],
    } as unknown as Route,
  ]);
}
