import type { QueueLeaseResponse, QueueProduceRequest } from '../src/index.ts';

const ITEMS = 1_000;
const PAYLOAD_BYTES = 100;

function content(index: number): { encoding: string; kind: string; reference: string } {
  return { encoding: 'application/json', kind: 'order.created', reference: `account-${index}` };
}

/** A produce request of 1,000 items, 100 bytes of payload each. */
export const produceRequest: QueueProduceRequest = {
  queueName: 'orders',
  requestTimeout: '1m',
  items: Array.from({ length: ITEMS }, (_, index) => ({
    ...content(index),
    enqueueAt: undefined,
    bytes: new Uint8Array(PAYLOAD_BYTES).fill(index),
    utf8: '',
  })),
};

/** The reply to a lease of 1,000 such items. */
export const leaseResponse: QueueLeaseResponse = {
  queueName: 'orders',
  partition: 0,
  items: Array.from({ length: ITEMS }, (_, index) => ({
    ...content(index),
    id: `0${index.toString(16).padStart(16, '0')}aB3dE6gH9k`,
    attempts: 1,
    leaseDeadline: { seconds: 1_790_000_000, nanos: 123_456_000 },
    bytes: new Uint8Array(PAYLOAD_BYTES).fill(index),
  })),
};
