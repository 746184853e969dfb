import process from 'node:process';
import { ManualClock, SeededRandom } from '@querator/core/testing';
import type { Service } from '@querator/engine';
import {
  codecs,
  ERROR_STATUSES,
  endpointsV2,
  queueEndpoints,
  type Reply,
  type WireFormat,
} from '@querator/protocol';
import { expect, test } from 'vitest';
import { createRoutes } from '../../src/http/handlers/routes.ts';
import { ALL_ENDPOINTS } from '../support/all-endpoints.ts';
import { loneInstances } from '../support/lone-instances.ts';
import { useServer } from '../support/test-server.ts';
import { FUZZ_QUEUES, FUZZ_SEEDS } from './support/fuzz-seeds.ts';
import { Dice, mutate } from './support/mutate.ts';

const REQUESTS = Number(process.env['QUERATOR_FUZZ_REQUESTS'] ?? 3_000);
const SEED = Number(process.env['QUERATOR_FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
/** In milliseconds, for each request; enough for a busy machine. */
const TIMEOUT_MS = 100;
/** Requests that are sent at once. */
const BATCH = 50;
/** Characters of a message: the longest text and two values of 100 characters, escaped. */
const MESSAGE_LENGTH = 1_200;

const server = useServer('memory', { audit: { table: true } });
/** The calls that were answered with 200. */
const served = new Set<string>();
const statuses = new Set(Object.values(ERROR_STATUSES).map(({ status }) => status));
const MEDIA: readonly string[] = ['application/json', 'application/protobuf'];
const ODD_MEDIA = ['', '*/*', 'application/*', 'text/plain', 'application/json;charset=utf-8', ','];

/** The calls that wait for items. */
const LEASES: ReadonlySet<string> = new Set([queueEndpoints.lease.path, endpointsV2.queue.lease.path]);

interface FuzzRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** The request of a number: the same seed gives the same request. */
function requestOf(number: number): FuzzRequest {
  const random = new SeededRandom(SEED + Math.imul(number + 1, 0x9e37_79b1));
  for (let n = 0; n < 8; n++) random.fraction();
  const dice = new Dice(random);
  const { endpoint, messages } = dice.oneOf(FUZZ_SEEDS);
  const message = endpoint.request.create(dice.oneOf(messages) as never);
  const format: WireFormat = dice.oneOf(['json', 'protobuf'] as const);
  const good = Buffer.from(
    format === 'json' ? endpoint.request.toJson(message) : endpoint.request.encode(message),
  );
  const isOdd = dice.below(20) === 0;
  return {
    path: dice.below(50) === 0 ? `${endpoint.path}x` : endpoint.path,
    headers: {
      'Content-Type': isOdd
        ? dice.oneOf([...MEDIA, ...ODD_MEDIA])
        : (MEDIA[format === 'json' ? 0 : 1] as string),
      Accept: dice.oneOf(isOdd ? [...MEDIA, ...ODD_MEDIA] : MEDIA),
    },
    body: mutate(good, dice),
  };
}

/** Sends a request and says what is wrong with the answer, if anything is. */
async function faultOf({ path, headers, body }: FuzzRequest): Promise<string | undefined> {
  const reply = await fetch(server.url + path, { method: 'POST', headers, body: new Uint8Array(body) });
  const bytes = new Uint8Array(await reply.arrayBuffer());
  const type = reply.headers.get('content-type');
  if (!MEDIA.includes(type ?? '')) return `the answer has the type ${type}`;
  const format = type === 'application/json' ? 'json' : 'protobuf';
  const known = FUZZ_SEEDS.find(({ endpoint }) => endpoint.path === path)?.endpoint;
  if (reply.status === 200) {
    if (known === undefined) return 'an unknown path was served';
    format === 'json' ? known.response.fromJson(bytes) : known.response.decode(bytes);
    served.add(path);
    return undefined;
  }
  if (!statuses.has(reply.status) || reply.status === 500) return `the status is ${reply.status}`;
  return replyFault(
    format === 'json' ? codecs.Reply.fromJson(bytes) : codecs.Reply.decode(bytes),
    reply.status,
  );
}

function replyFault({ code, codeText, message }: Reply, status: number): string | undefined {
  if (code !== status) return `the code is ${code}, the status ${status}`;
  if (codeText === '' || message === '') return 'the reply says nothing';
  if (message.length > MESSAGE_LENGTH) return `the message has ${message.length} characters`;
  return message.isWellFormed() ? undefined : 'the message is not well-formed';
}

/** Deletes the queues with all that waits for them, and creates them again. */
async function renewQueues(): Promise<void> {
  for (const queue_name of FUZZ_QUEUES) await server.post('/v1/queues.delete', { queue_name, force: true });
  const settings = { lease_timeout: '1m', expire_timeout: '1h', requested_partitions: 2 };
  for (const queue_name of FUZZ_QUEUES.slice(0, 2))
    await server.post('/v1/queues.create', { queue_name, ...settings });
}

async function expectGoodService(): Promise<void> {
  await renewQueues();
  const queue_name = FUZZ_QUEUES[0];
  const items = [{ utf8: 'good' }];
  const produced = await server.post('/v1/queue.produce', { queue_name, request_timeout: '10s', items });
  const asked = { queue_name, request_timeout: '10s', client_id: 'good', batch_size: 1 };
  const leased = await server.post('/v1/queue.lease', asked);
  expect([produced.status, leased.status]).toEqual([200, 200]);
  expect(leased.json.items[0].bytes).toBe(Buffer.from('good').toString('base64'));
}

/** Sends requests at once, and says what is wrong with each answer, if anything is. */
async function faultsOf(numbers: readonly number[]): Promise<readonly (string | undefined)[]> {
  const sendings = numbers.map(async (number) => {
    const request = requestOf(number);
    const fault = await faultOf(request).catch((error: unknown) => `no answer: ${error}`);
    const { path, headers, body } = request;
    return (
      fault && `${fault}: request ${number}, ${path} ${JSON.stringify(headers)} ${body.toString('base64')}`
    );
  });
  await Promise.all(sendings.filter((_, n) => !LEASES.has(requestOf(numbers[n] as number).path)));
  let isAnswered = false;
  const answering = Promise.all(sendings).finally(() => {
    isAnswered = true;
  });
  // A lease whose timeout was changed would wait for minutes. It ends with its queue.
  while (!isAnswered) await Promise.race([answering, renewQueues()]);
  return answering;
}

test('every call of the server has a request in the corpus', () => {
  const service = { batchLimits: {}, queue: {}, queues: {}, storage: {} } as unknown as Service;
  const served = [...createRoutes(service, undefined, loneInstances(new ManualClock())).keys()];
  expect(FUZZ_SEEDS.map(({ endpoint }) => endpoint.path).sort()).toEqual(served.toSorted());
  expect(ALL_ENDPOINTS.map(({ path }) => path).sort()).toEqual(served.toSorted());
  for (const { messages } of FUZZ_SEEDS) expect(messages.length).toBeGreaterThan(0);
});

test(
  `answers ${REQUESTS} damaged requests as documented (QUERATOR_FUZZ_SEED=${SEED})`,
  async () => {
    for (let first = 0; first < REQUESTS; first += BATCH) {
      await renewQueues();
      const numbers = Array.from({ length: Math.min(BATCH, REQUESTS - first) }, (_, n) => first + n);
      const faults = (await faultsOf(numbers)).filter((fault) => fault !== undefined);
      expect(faults, `QUERATOR_FUZZ_SEED=${SEED}`).toEqual([]);
    }
    await expectGoodService();
    // One request in ten is not damaged.
    for (const { path } of [queueEndpoints.produce, queueEndpoints.stats, endpointsV2.queue.produce])
      expect(served).toContain(path);
  },
  REQUESTS * TIMEOUT_MS,
);
