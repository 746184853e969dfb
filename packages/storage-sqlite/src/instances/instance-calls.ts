import {
  INSTANCE_RECORD_TIMEOUT,
  INSTANCE_TIMEOUT,
  type Instance,
  type InstanceRecord,
  type InstanceView,
  instantFromMicroseconds,
  toMicroseconds,
} from '@querator/core';
import type { Transaction } from '../file/transaction.ts';

interface InstanceRow {
  /** As JSON. */
  readonly record: string;
  readonly started_at: bigint;
  readonly heartbeat_at: bigint;
}

/**
 * Writes the record of a program of this process. They are in memory: only one process has
 * the file, so those of earlier processes are gone.
 */
function beatInstance(
  { connection, now }: Transaction,
  { record }: { readonly record: InstanceRecord },
): InstanceView {
  connection.run(
    `insert into instances (id, record, started_at, heartbeat_at) values (?1, ?2, ?3, ?3)
     on conflict (id) do update set record = excluded.record, heartbeat_at = excluded.heartbeat_at`,
    ...[record.id, JSON.stringify(record), now],
  );
  connection.run(
    'delete from instances where heartbeat_at < ?',
    now - toMicroseconds(INSTANCE_RECORD_TIMEOUT),
  );
  const rows = connection.all<InstanceRow>(
    'select * from instances where heartbeat_at >= ? order by started_at, id',
    now - toMicroseconds(INSTANCE_TIMEOUT),
  );
  return { now, instances: rows.map(instanceOf), unrecorded: [] };
}

function removeInstance({ connection }: Transaction, { id }: { readonly id: string }): void {
  connection.run('delete from instances where id = ?', id);
}

function instanceOf({ record, started_at: startedAt, heartbeat_at: heartbeatAt }: InstanceRow): Instance {
  return {
    ...(JSON.parse(record) as InstanceRecord),
    startedAt: instantFromMicroseconds(startedAt),
    heartbeatAt: instantFromMicroseconds(heartbeatAt),
  };
}

/** The calls on the records of processes. */
export const INSTANCE_CALLS = { beatInstance, removeInstance };
