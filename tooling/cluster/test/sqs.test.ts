import { type Client, createClient } from '@querator/client';
import { SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { copyJobs, openSystem } from '@querator/migration';
import { compose, defaultConfig } from '@querator/server';
import { BackgroundProgram, freePort } from '@querator/tooling-processes';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KilledReader, SqsProxy } from './sqs-kills.ts';

const server = compose(defaultConfig(), {
  clock: new SystemClock(),
  random: new SystemRandom(),
  logger: silentLogger,
});
const to = createClient({
  endpoint: 'http://in.process',
  fetch: async (url, init) => server.app.fetch(new Request(url, init), {}),
});
let moto: BackgroundProgram;
let base = '';

/** Calls SQS as the tests' own client. */
async function sqs<T>(action: string, fields: object): Promise<T> {
  const reply = await fetch(base, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': `AmazonSQS.${action}`,
      // Moto finds out by it which service is called.
      authorization: 'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request',
    },
    body: JSON.stringify(fields),
  });
  const text = await reply.text();
  if (!reply.ok) throw new Error(text);
  return JSON.parse(text || '{}') as T;
}

beforeAll(async () => {
  const port = await freePort();
  base = `http://127.0.0.1:${port}/`;
  moto = BackgroundProgram.start({
    runAs: { name: 'this account', prefix: [] },
    program: 'moto_server',
    args: ['-H', '127.0.0.1', '-p', String(port)],
  });
  while (
    !(await fetch(base).then(
      () => true,
      () => false,
    ))
  ) {
    if (!moto.isRunning) throw new Error(`moto did not start: ${moto.output}`);
  }
  await server.start();
});
afterAll(async () => {
  await server.stop();
  await moto.stop(5_000);
});

async function copy(queueUrl: string, dryRun = false, target: Client = to) {
  const env = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
  const system = await openSystem(`sqs:${queueUrl}`, { clock: new SystemClock(), env });
  const work = { random: new SystemRandom(), sleep: async () => {}, signal: new AbortController().signal };
  return copyJobs({ ...work, system, to: dryRun ? undefined : target, queues: [], window: '1h' });
}

test('the messages of SQS are moved with their attributes, and deleted there', async () => {
  const attributes = { VisibilityTimeout: '77', MessageRetentionPeriod: '7200' };
  const { QueueUrl } = await sqs<{ QueueUrl: string }>('CreateQueue', {
    QueueName: 'mail',
    Attributes: attributes,
  });
  const kind = { DataType: 'String', StringValue: 'letter' };
  await sqs('SendMessage', { QueueUrl, MessageBody: 'é😀', MessageAttributes: { kind } });
  for (let n = 0; n < 24; n++) await sqs('SendMessage', { QueueUrl, MessageBody: `${n}` });
  await sqs('SendMessage', { QueueUrl, MessageBody: 'late', DelaySeconds: 600 });

  expect(await copy(QueueUrl, true)).toMatchObject([
    { queue: 'mail', jobs: { waiting: 25, scheduled: 1, leased: 0 }, stored: 0 },
  ]);
  expect(await copy(QueueUrl)).toMatchObject([{ jobs: { waiting: 25 }, stored: 25, present: 0 }]);
  expect(await to.queues.info({ queueName: 'mail' })).toMatchObject({
    ...{ leaseTimeout: '1m17s', expireTimeout: '2h0m0s' },
  });
  const { items } = await to.v2.items.export({ queueName: 'mail', limit: 100 });
  const found = new Map(items.map((item) => [Buffer.from(item.payload).toString(), item]));
  expect(found.size).toBe(25);
  expect(found.get('é😀')?.metadata.get('kind')).toBe('letter');
  expect(found.get('é😀')?.metadata.get('sqs.id')).toMatch(/^[0-9a-f-]{36}$/);
  // What is delayed stays, and nothing is moved twice.
  expect(await copy(QueueUrl)).toMatchObject([{ jobs: { waiting: 0 }, stored: 0, present: 0 }]);
  expect(await copy(QueueUrl, true)).toMatchObject([{ jobs: { waiting: 0, scheduled: 1 } }]);
});

test('a reader that is killed and started again moves each message once', async () => {
  const proxy = await SqsProxy.start(base);
  const bodies = Array.from({ length: 12 }, (_, n) => `${n}`);
  let kills = 0;
  rounds: for (let call = 1; ; call++) {
    for (const moment of ['before', 'after'] as const) {
      const at = `${moment} call ${call}`;
      const queueName = `killed-${moment}-${call}`;
      const { QueueUrl } = await sqs<{ QueueUrl: string }>('CreateQueue', { QueueName: queueName });
      for (const MessageBody of bodies) await sqs('SendMessage', { QueueUrl, MessageBody });
      const reader = new KilledReader({ call, moment });
      proxy.serves(reader);
      const address = QueueUrl.replace(/^http:\/\/[^/]+\//, proxy.url);
      const target = createClient({
        endpoint: 'http://in.process',
        fetch: (url, init) => reader.pass(async () => server.app.fetch(new Request(url, init), {})),
      });
      const run = copy(address, false, target).then(() => 'ended' as const);
      const outcome = await Promise.race([reader.killed, run]);
      proxy.serves(undefined);
      // Consumers work meanwhile: what is stored may be gone when the reader comes back.
      const consumed = await consumeAll(queueName);
      if (outcome === 'killed') {
        await showAgain(QueueUrl, proxy.receipts);
        await copy(address);
      }
      consumed.push(...(await consumeAll(queueName)));
      expect(consumed.toSorted(), at).toEqual(bodies.toSorted());
      const { Attributes: left } = await sqs<{ Attributes: Record<string, string> }>('GetQueueAttributes', {
        ...{ QueueUrl, AttributeNames: ['All'] },
      });
      expect(left['ApproximateNumberOfMessages'], at).toBe('0');
      expect(left['ApproximateNumberOfMessagesNotVisible'], at).toBe('0');
      if (outcome === 'ended') break rounds;
      kills++;
    }
  }
  expect(kills).toBeGreaterThan(16);
  await proxy.stop();
});

/** Lets messages come back that a reader received and did not delete, as they do after five minutes. */
async function showAgain(QueueUrl: string, receipts: readonly string[]): Promise<void> {
  for (const ReceiptHandle of receipts) {
    // Those that are deleted, or belong to another queue, are refused.
    await sqs('ChangeMessageVisibility', { QueueUrl, ReceiptHandle, VisibilityTimeout: 0 }).catch(() => {});
  }
}

async function consumeAll(queueName: string): Promise<string[]> {
  const consumed: string[] = [];
  const request = { queueName, clientId: 'c', batchSize: 1_000, requestTimeout: '50ms' };
  for (;;) {
    const leased = await to.queue.lease(request).catch(() => undefined);
    if (leased === undefined) return consumed;
    consumed.push(...leased.items.map(({ bytes }) => Buffer.from(bytes).toString()));
    await to.queue.complete({
      ...leased,
      ids: leased.items.map(({ id }) => id),
      requestTimeout: '5s',
      queueName,
    });
  }
}
