import {
  addDuration,
  type Clock,
  type Instant,
  instantFromMicroseconds,
  instantText,
  milliseconds,
} from '@querator/core';
import { type AwsCredentials, signedHeaders } from './aws-signature.ts';
import {
  type ForeignBatch,
  type ForeignJob,
  type ForeignQueue,
  type ForeignSystem,
  ForeignSystemFault,
  itemOf,
  type SystemDeps,
} from './foreign-system.ts';

/** Receives whose messages are stored together. Each brings ten at most. */
const RECEIVES = 10;
/** How long SQS hides the messages that are being moved, in seconds. */
const HIDDEN_S = 300;
/** How long a receive waits for messages, in seconds. It then asks all servers of SQS. */
const WAIT_S = 1;
/** The bytes of the metadata that an item may have, with those of the id. */
const METADATA_BYTES = 4_000;

interface Message {
  readonly MessageId: string;
  readonly ReceiptHandle: string;
  readonly Body: string;
  readonly Attributes?: Readonly<Record<string, string>>;
  readonly MessageAttributes?: Readonly<Record<string, { readonly StringValue?: string }>>;
}

/**
 * Moves the messages of one queue of SQS. Each is deleted there once it is stored. The
 * credentials are those in the environment variables of AWS.
 *
 * @param address the URL of the queue.
 * @throws ForeignSystemFault if there are no credentials.
 */
export async function openSqs(address: string, deps: SystemDeps): Promise<ForeignSystem> {
  const sqs = new Sqs(new URL(address), deps);
  return {
    queues: async () => [await sqs.queue()],
    batches: () => sqs.batches(),
    counts: () => sqs.counts(),
    close: async () => {},
  };
}

class Sqs {
  readonly #url: URL;
  readonly #region: string;
  readonly #credentials: AwsCredentials;
  readonly #clock: Clock;

  constructor(url: URL, { clock, env }: SystemDeps) {
    this.#clock = clock;
    const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = env;
    if (!accessKeyId || !secretAccessKey) {
      throw new ForeignSystemFault(
        'SQS needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment',
      );
    }
    this.#url = url;
    this.#credentials = { accessKeyId, secretAccessKey, sessionToken: env['AWS_SESSION_TOKEN'] || undefined };
    const [, region] = /^sqs\.([a-z0-9-]+)\./.exec(url.hostname) ?? [];
    this.#region = region ?? env['AWS_REGION'] ?? 'us-east-1';
  }

  async queue(): Promise<ForeignQueue> {
    const attributes = await this.#attributes();
    const redrive = JSON.parse(attributes['RedrivePolicy'] ?? '{}') as { maxReceiveCount?: number | string };
    const hidden = Number(attributes['ApproximateNumberOfMessagesNotVisible'] ?? 0);
    return {
      name: this.#name,
      settings: {
        leaseTimeout: `${attributes['VisibilityTimeout'] ?? 30}s`,
        expireTimeout: `${attributes['MessageRetentionPeriod'] ?? 345_600}s`,
        maxAttempts: Number(redrive.maxReceiveCount ?? 0),
        deadQueue: '',
      },
      lacks: [
        ...(redrive.maxReceiveCount === undefined
          ? []
          : ['dead-letter queue: set it, and move it by itself']),
        ...(attributes['FifoQueue'] === 'true' ? ['message groups'] : []),
      ],
      staying: new Map(hidden > 0 ? [['in flight', hidden]] : []),
    };
  }

  async counts() {
    const attributes = await this.#attributes();
    return {
      waiting: Number(attributes['ApproximateNumberOfMessages'] ?? 0),
      scheduled: Number(attributes['ApproximateNumberOfMessagesDelayed'] ?? 0),
      leased: 0,
    };
  }

  async *batches(): AsyncGenerator<ForeignBatch> {
    const retention = Number((await this.#attributes())['MessageRetentionPeriod'] ?? 345_600);
    for (;;) {
      const messages: Message[] = [];
      for (let n = 0; n < RECEIVES; n++) {
        const received = await this.#receive();
        messages.push(...received);
        if (received.length === 0) break;
      }
      if (messages.length === 0) return;
      const now = this.#clock.now();
      yield {
        jobs: messages.map((message) => jobOf(message, now, retention)),
        done: () => this.#delete(messages),
      };
    }
  }

  async #receive(): Promise<readonly Message[]> {
    const reply = await this.#call<{ Messages?: readonly Message[] }>('ReceiveMessage', {
      ...{ MaxNumberOfMessages: 10, VisibilityTimeout: HIDDEN_S, WaitTimeSeconds: WAIT_S },
      ...{ MessageSystemAttributeNames: ['All'], MessageAttributeNames: ['All'] },
    });
    return reply.Messages ?? [];
  }

  async #delete(messages: readonly Message[]): Promise<void> {
    for (let at = 0; at < messages.length; at += 10) {
      const Entries = messages
        .slice(at, at + 10)
        .map(({ ReceiptHandle }, n) => ({ Id: String(n), ReceiptHandle }));
      const reply = await this.#call<{ Failed?: readonly { Message?: string }[] }>('DeleteMessageBatch', {
        Entries,
      });
      const [failed] = reply.Failed ?? [];
      if (failed !== undefined)
        throw new Error(`SQS did not delete a message that is stored: ${failed.Message}`);
    }
  }

  async #attributes(): Promise<Readonly<Record<string, string>>> {
    type Reply = { Attributes?: Record<string, string> };
    return (await this.#call<Reply>('GetQueueAttributes', { AttributeNames: ['All'] })).Attributes ?? {};
  }

  async #call<T>(action: string, fields: object): Promise<T> {
    const body = JSON.stringify({ QueueUrl: this.#url.href, ...fields });
    const headers = { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': `AmazonSQS.${action}` };
    const url = new URL('/', this.#url);
    const at = instantText(this.#clock.now()).replace(/[-:]|\.\d+/g, '');
    const request = { url, region: this.#region, service: 'sqs', headers, body };
    const { host: _, ...signed } = signedHeaders(request, this.#credentials, at);
    const reply = await fetch(url, { method: 'POST', headers: signed, body });
    const text = await reply.text();
    if (!reply.ok) throw new Error(`SQS answered ${action} with ${reply.status}: ${text.slice(0, 500)}`);
    return JSON.parse(text === '' ? '{}' : text) as T;
  }

  get #name(): string {
    return this.#url.pathname.split('/').at(-1) ?? '';
  }
}

function jobOf(message: Message, now: Instant, retention: number): ForeignJob {
  const { MessageId: id, Body: payload, Attributes: system = {}, MessageAttributes: own = {} } = message;
  const texts = Object.entries(own).flatMap(([name, { StringValue }]) =>
    StringValue === undefined ? [] : [[name, StringValue] as const],
  );
  const fits =
    texts.reduce((sum, [name, value]) => sum + Buffer.byteLength(name + value), 0) <= METADATA_BYTES;
  const sentAt = instantFromMicroseconds(BigInt(system['SentTimestamp'] ?? 0) * 1_000n);
  const item = itemOf({
    ...{ payload, encoding: '', now, attempts: Number(system['ApproximateReceiveCount'] ?? 1) - 1 },
    ids: { ...(fits ? Object.fromEntries(texts) : {}), 'sqs.id': id },
    expiresAt: sentAt > 0n ? addDuration(sentAt, milliseconds(retention * 1_000)) : undefined,
  });
  const lacks = [
    ...(fits ? [] : ['attributes of more than 4,000 bytes']),
    ...(texts.length < Object.keys(own).length ? ['binary attributes'] : []),
    ...(system['MessageGroupId'] === undefined ? [] : ['message group']),
  ];
  return { key: `sqs/${id}`, item, lacks };
}
