import { formatTimestamp, type QueueLeaseItem, type QueueLeaseResponse } from '@querator/protocol';

/**
 * A leased item as a line of JSON that says all that completing it takes. The
 * names are the API's; unlike there, every field is on every line, so that
 * scripts need not care about those that are empty.
 */
export function jsonLine({ queueName, partition }: QueueLeaseResponse, item: QueueLeaseItem): string {
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
    bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64'),
  };
  return `${JSON.stringify(line)}\n`;
}
