import type { MinuteCounts, Pauses } from '@querator/core';
import type { QueuesListResponse, QueuesRow } from '../gen/querator/v2/queues.ts';
import { fromPauses } from './pauses.ts';
import { ageOf } from './queue-description.ts';
import { fromMinute } from './rates.ts';

/** A queue as the engine lists it. */
interface ListedQueue {
  readonly name: string;
  readonly namespace: string;
  readonly deadQueue: string;
  readonly pauses: Pauses;
  readonly partitions: number;
  readonly storages: readonly string[];
  readonly items:
    | {
        readonly waiting: number;
        readonly leased: number;
        readonly scheduled: number;
        readonly headAgeMs: number;
        readonly countAgeMs: number;
        readonly estimated: boolean;
      }
    | undefined;
  readonly dead: number | undefined;
  readonly minutes: readonly MinuteCounts[] | undefined;
}

const MOST = 2 ** 31 - 1;

/** The wire form of a page of queues. */
export function fromQueueRows({
  rows,
  total = 0,
  cursor,
}: {
  readonly rows: readonly ListedQueue[];
  readonly total: number | undefined;
  readonly cursor: string;
}): QueuesListResponse {
  return { items: rows.map(fromRow), total, cursor };
}

function fromRow({ name, pauses, items, dead = 0, minutes = [], storages, ...row }: ListedQueue): QueuesRow {
  return {
    ...{ queueName: name, namespace: row.namespace, deadQueue: row.deadQueue, partitions: row.partitions },
    waiting: Math.min(items?.waiting ?? 0, MOST),
    leased: Math.min(items?.leased ?? 0, MOST),
    scheduled: Math.min(items?.scheduled ?? 0, MOST),
    headAge: ageOf(items?.headAgeMs || undefined),
    countAge: ageOf(items?.countAgeMs),
    estimated: items?.estimated ?? false,
    dead: Math.min(dead, MOST),
    pause: Object.keys(pauses).length === 0 ? undefined : fromPauses(pauses),
    storages: [...storages],
    minutes: minutes.map(fromMinute),
  };
}
