import { createClient } from '@querator/client';
import { MESSAGES, QueueError } from '@querator/core';
import { SeededRandom } from '@querator/core/testing';
import { codecs, codecsV2, errorReply } from '@querator/protocol';
import { expect, test } from 'vitest';
import { quotaOf } from '../src/queues/quotas.ts';

/** Reads a quota from a server that fails with these errors first. @returns it, and how often it was asked. */
async function read(...failures: QueueError[]) {
  let calls = 0;
  const client = createClient({
    endpoint: 'http://queue.test',
    fetch: async () => {
      const failure = failures[calls++];
      const reply = failure && errorReply(failure);
      const body =
        reply === undefined
          ? codecsV2.QuotasGetResponse.encode(
              codecsV2.QuotasGetResponse.from({ source: 'stored', limits: { queues: 3 } }),
            )
          : codecs.Reply.encode(reply);
      return new Response(body as Uint8Array<ArrayBuffer>, {
        status: reply?.code ?? 200,
        headers: { 'Content-Type': 'application/protobuf' },
      });
    },
  });
  const work = { random: new SeededRandom(1), sleep: async () => {}, signal: new AbortController().signal };
  return { quota: await quotaOf({ ...work, client }, 'shop'), calls };
}

test.each([
  [
    'keeps to no quotas',
    new QueueError('failed', 'quotas are not in use', { reason: 'unavailable' }),
    undefined,
  ],
  ['does not know the call', new QueueError('unknown_method', 'no such method'), undefined],
  ['does not show it', new QueueError('forbidden', 'access denied'), 'hidden'],
])('a server that %s is asked once', async (_, failure, quota) => {
  expect(await read(failure)).toEqual({ quota, calls: 1 });
});

test('a server that shuts down, or is busy, is asked again', async () => {
  const stopping = new QueueError('failed', MESSAGES.serviceShutdown, { reason: 'unavailable' });
  const { quota, calls } = await read(stopping, new QueueError('retry', MESSAGES.overloaded));
  expect({ quota, calls }).toMatchObject({ quota: { queues: 3 }, calls: 3 });
});
