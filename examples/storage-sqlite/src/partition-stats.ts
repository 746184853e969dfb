import { type Instant, microseconds, type PartitionStats } from '@querator/core';
import type { Connection } from './connection.ts';

interface StatsRow {
  readonly waiting: bigint;
  readonly leased: bigint;
  readonly scheduled: bigint;
  /** Averages are doubles although integers are read as bigint. They are null without rows. */
  readonly age: number | null;
  readonly lease_left: number | null;
  readonly head_age: bigint | null;
}

/** Counts the items of a partition. A moving item counts as leased, but has no lease deadline. */
export function partitionStats(connection: Connection, partition: string, now: Instant): PartitionStats {
  const row = connection.get<StatsRow>(
    `select
       count(*) filter (where state = 'waiting') as waiting,
       count(*) filter (where state in ('leased', 'moving', 'moved')) as leased,
       count(*) filter (where state = 'scheduled') as scheduled,
       avg(:now - created_at) filter (where state not in ('scheduled', 'prepared')) as age,
       avg(due_at - :now) filter (where state = 'leased') as lease_left,
       (select :now - created_at from items
         where partition = :partition and state = 'waiting' order by id limit 1) as head_age
     from items where partition = :partition`,
    { partition, now },
  );
  return {
    waiting: Number(row?.waiting),
    leased: Number(row?.leased),
    scheduled: Number(row?.scheduled),
    averageAge: microseconds(BigInt(Math.round(row?.age ?? 0))),
    headAge: microseconds(row?.head_age ?? 0n),
    averageLeaseLeft: microseconds(BigInt(Math.round(row?.lease_left ?? 0))),
  };
}
