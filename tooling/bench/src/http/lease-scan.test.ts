import { codecs } from '@querator/protocol';
import { describe, expect, test } from 'vitest';
import { CompleteRequests } from './complete-request.ts';
import { scanLease } from './lease-scan.ts';

const id = (n: number) => `0${n.toString(16).padStart(16, '0')}abcdefghij`;

const response = (count: number, partition = 0) =>
  codecs.QueueLeaseResponse.create({
    queueName: 'jobs',
    partition,
    items: Array.from({ length: count }, (_, n) => ({
      ...{ id: id(n), attempts: n * 200, kind: 'kind', encoding: 'json', reference: 'r'.repeat(n) },
      bytes: Buffer.alloc(n * 50, 34),
      leaseDeadline: { seconds: 1_800_000_000, nanos: 5_000 } as never,
    })),
  });

const encoded = (count: number, partition?: number) =>
  Buffer.from(codecs.QueueLeaseResponse.encode(response(count, partition)));

describe('a scan', () => {
  test.each([0, 1, 7, 300])('finds the ids of %d items, and the partition', (count) => {
    const body = encoded(count, 3);
    const { partition, idStarts } = scanLease(body);
    expect(partition).toBe(3);
    expect(idStarts.map((at) => body.toString('latin1', at, at + 27))).toEqual(
      Array.from({ length: count }, (_, n) => id(n)),
    );
  });

  test('refuses a reply that is cut off anywhere inside its items', () => {
    const body = encoded(2);
    const whole = scanLease(body).idStarts.length;
    for (let length = 1; length < body.length; length++) {
      let found = 0;
      try {
        found = scanLease(body.subarray(0, length)).idStarts.length;
      } catch {
        continue;
      }
      expect(found).toBeLessThan(whole);
    }
  });

  test('refuses items without an id', () => {
    const body = codecs.QueueLeaseResponse.encode(
      codecs.QueueLeaseResponse.create({ items: [{ kind: 'x' }] }),
    );
    expect(() => scanLease(body)).toThrow(/without an id/);
  });
});

test.each([1, 300])('a complete request from a scan names all %d ids', (count) => {
  const body = encoded(count, 3);
  const bytes = new CompleteRequests('jobs').of(body, scanLease(body));
  const [head = '', ...rest] = bytes.toString('latin1').split('\r\n\r\n');
  const sent = Buffer.from(rest.join('\r\n\r\n'), 'latin1');
  expect(head).toMatch(/^POST \/v1\/queue\.complete HTTP\/1\.1\r\n/);
  expect(head).toContain(`Content-Length: ${sent.length}`);
  expect(codecs.QueueCompleteRequest.decode(sent)).toEqual({
    ...{ queueName: 'jobs', partition: 3, requestTimeout: '1m' },
    ids: Array.from({ length: count }, (_, n) => id(n)),
  });
});
