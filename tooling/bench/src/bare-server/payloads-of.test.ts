import { codecs } from '@querator/protocol';
import { expect, test } from 'vitest';
import { payloadsOf } from './payloads-of.ts';

test('finds the payloads of a produce among other fields', () => {
  const payloads = ['', 'a', 'b'.repeat(300), '\0'].map((text) => Buffer.from(text));
  const request = codecs.QueueProduceRequest.create({
    ...{ queueName: 'q', requestTimeout: '1m' },
    items: payloads.map((bytes) => ({ bytes, kind: 'k', reference: 'r' })),
  });
  // Protobuf does not encode an empty payload.
  expect(payloadsOf(Buffer.from(codecs.QueueProduceRequest.encode(request)))).toEqual(payloads.slice(1));
});
