import { formatTimestamp, type QueueLeaseItem, type QueueLeaseResponse } from '@querator/protocol';
import { visibleText } from '../observability/visible-text.ts';

/** Pairs of texts that a producer gave an item. */
export type Metadata = ReadonlyMap<string, string>;

/**
 * A leased item as a line of JSON, with all that completing it needs. The names
 * are those of the API. Unlike there, every line has every field, so scripts do
 * not have to handle missing ones.
 */
export function jsonLine(
  { queueName, partition }: QueueLeaseResponse,
  item: QueueLeaseItem,
  metadata: Metadata = new Map(),
): string {
  const { id, attempts, leaseDeadline, encoding, kind, reference, bytes } = item;
  const line = {
    queue_name: queueName,
    partition,
    id,
    attempts,
    lease_deadline: leaseDeadline === undefined ? '' : formatTimestamp(leaseDeadline),
    encoding,
    kind,
    reference,
    metadata: Object.fromEntries(metadata),
    bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64'),
  };
  return `${visibleText(JSON.stringify(line))}\n`;
}
