import type { LimitName } from '../../api/access.ts';
import { formatBytes, formatCount } from '../../text/number.ts';

/** The limits of a quota in words, in the order of the API. */
export const LIMIT_LABELS: readonly (readonly [name: LimitName, label: string])[] = [
  ['queues', 'Queues'],
  ['partitions', 'Partitions'],
  ['items_waiting', 'Items'],
  ['bytes_waiting', 'Bytes'],
  ['requests_per_second', 'Requests a second'],
  ['items_per_second', 'Items a second'],
  ['waiting_consumers', 'Waiting consumers'],
  ['connections', 'Connections'],
];

/** A limit or its use with its unit. */
export const formatLimit = (name: LimitName, value: number): string =>
  name === 'bytes_waiting' ? formatBytes(value) : formatCount(value);
