import { codecsV2 } from '@querator/protocol';
import { expect, test } from 'vitest';
import { createClient, type Fetch, type RequestFields } from '../src/index.ts';
import { protobufReply } from './support/fake-server.ts';

/** A client whose requests are kept instead of sent. */
function keeper() {
  const sent: { type: string | undefined; accept: string | undefined; body: Uint8Array }[] = [];
  const fetch: Fetch = async (_, { headers, body }) => {
    const { 'Content-Type': type, Accept: accept } = headers as Record<string, string>;
    sent.push({ type, accept, body: body as Uint8Array });
    return protobufReply(200, new Uint8Array());
  };
  return { client: createClient({ endpoint: 'http://queue.test', fetch }), sent };
}

test.each([{ withoutError: true }, { sourceQueue: 'mail' }])(
  'a task that selects items by %j goes in an encoding in which earlier servers refuse it',
  async (filter) => {
    const { client, sent } = keeper();
    const request = { kind: 'delete', queueName: 'mail-dead', filter };
    await client.v2.tasks.create(request);
    await client.v2.items.find({ queueName: 'mail-dead', filter });
    await client.v2.items.summarize({ queueName: 'mail-dead', filter, by: 'kind' });
    expect(sent.map(({ type, accept }) => [type, accept])).toEqual(
      sent.map(() => ['application/json', 'application/protobuf']),
    );
    const { from, fromJson } = codecsV2.TasksCreateRequest;
    expect(fromJson(sent[0]?.body as Uint8Array)).toEqual(from(request as RequestFields<never>));
  },
);

test('a list of tasks without dry runs goes as JSON, and others as protobuf', async () => {
  const { client, sent } = keeper();
  await client.v2.tasks.list({ dryRuns: 'without' });
  await client.v2.tasks.list({ state: 'ended' });
  expect(sent.map(({ type }) => type)).toEqual(['application/json', 'application/protobuf']);
});

test('a resize that moves items goes in that encoding too', async () => {
  const { client, sent } = keeper();
  await client.v2.queues.resize({ queueName: 'mail', partitions: 1, move: true });
  await client.v2.queues.resize({ queueName: 'mail', partitions: 1 });
  expect(sent.map(({ type }) => type)).toEqual(['application/json', 'application/protobuf']);
  const { fromJson } = codecsV2.QueuesResizeRequest;
  expect(fromJson(sent[0]?.body as Uint8Array)).toMatchObject({ partitions: 1, move: true });
});

test('other requests go as protobuf', async () => {
  const { client, sent } = keeper();
  await client.v2.tasks.create({ kind: 'delete', queueName: 'mail', filter: { error: 'no paper' } });
  await client.v2.tasks.create({ kind: 'delete', queueName: 'mail' });
  await client.v2.items.find({ queueName: 'mail', filter: { withoutError: false, sourceQueue: '' } });
  expect(sent.map(({ type }) => type)).toEqual(sent.map(() => 'application/protobuf'));
});
