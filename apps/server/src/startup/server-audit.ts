import { AuditService } from '@querator/access';
import { type Clock, type Logger, parseDuration, type Random, type StorageBackend } from '@querator/core';
import { AuditPruner } from '../audit/audit-pruner.ts';
import { AuditTable } from '../audit/audit-table.ts';
import type { Config } from '../config/schema.ts';
import type { MonotonicClock } from '../monotonic-clock.ts';

/** The audit table of a server, and the work on it in the background. */
export interface ServerAudit {
  /** Shows the events. */
  readonly service: AuditService;
  readonly table: AuditTable;
  start(): void;
  /** Waits until the events that were given before are stored. */
  stop(): Promise<void>;
}

/**
 * Creates the audit table of a server. Undefined: the configuration does not want one.
 *
 * @throws Error if the storage of the queues cannot keep events.
 */
export function createServerAudit(
  { audit }: Pick<Config, 'audit'>,
  deps: {
    readonly clock: Clock;
    readonly random: Random;
    readonly logger: Logger;
    readonly monotonicClock: MonotonicClock;
    readonly queueStorage: StorageBackend;
  },
): ServerAudit | undefined {
  if (!audit.table) return undefined;
  const store = deps.queueStorage.auditStore?.();
  if (store === undefined) {
    throw new Error(
      `storage '${deps.queueStorage.name}' of the queues cannot keep audit events: leave out audit.table`,
    );
  }
  const table = new AuditTable({ ...deps, store });
  const pruner = new AuditPruner({ ...deps, store, keep: parseDuration(audit.keep) });
  const access = deps.queueStorage.accessStore?.();
  const createdAt = async (namespace: string) => (await access?.namespace(namespace))?.createdAt;
  return {
    service: new AuditService({ store, createdAt }),
    table,
    start: () => pruner.start(),
    stop: async () => {
      await pruner.stop();
      await table.stop();
    },
  };
}
