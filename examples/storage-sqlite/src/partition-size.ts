import type { PartitionSize } from '@querator/core';
import type { Connection } from './connection.ts';

interface SizeRow {
  readonly items: bigint;
  readonly bytes: bigint | null;
}

/** What a partition holds. Reads all of it: `octet_length` reads no payload. */
export function partitionSize(connection: Connection, partition: string): PartitionSize {
  const row = connection.get<SizeRow>(
    `select count(*) as items, sum(octet_length(payload) + octet_length(reference)
       + octet_length(encoding) + octet_length(kind)) as bytes
     from items where partition = :partition`,
    { partition },
  );
  return { items: Number(row?.items), bytes: Number(row?.bytes ?? 0n) };
}
