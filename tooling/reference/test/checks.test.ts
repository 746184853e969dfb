import {
  ERROR_STATUSES,
  endpointsV2,
  queueEndpoints,
  queuesEndpoints,
  storageEndpoints,
} from '@querator/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CALLS, checksOf } from '../src/checks/all-checks.ts';
import { type Check, QUEUES, WAITING_ID } from '../src/checks/check.ts';
import { InProcessServer } from './support/in-process-server.ts';
import { patternOf } from './support/message-pattern.ts';

const server = new InProcessServer();
let waitingId = '';

beforeAll(async () => {
  const settings = { lease_timeout: '1m', expire_timeout: '24h', requested_partitions: 1 };
  const create = (queue_name: string, dead_queue = '') =>
    server.post('/v1/queues.create', { queue_name, dead_queue, ...settings });
  await create(QUEUES.dead);
  await create(QUEUES.main, QUEUES.dead);
  await create(QUEUES.empty);
  await create(QUEUES.idle);
  const queue = { queue_name: QUEUES.main };
  await server.post('/v1/queue.produce', { ...queue, request_timeout: '1m', items: [{ utf8: 'a' }] });
  const { text } = await server.post('/v1/storage/items.list', queue);
  waitingId = JSON.parse(text).items[0].id;
});

afterAll(() => server.stop());

test('every call has a list of checks', () => {
  const paths = [queueEndpoints, queuesEndpoints, storageEndpoints, ...Object.values(endpointsV2)].flatMap(
    (table) => Object.values(table).map(({ path }) => path),
  );
  expect(CALLS.map(({ path }) => path).sort()).toEqual(paths.sort());
});

describe.each(CALLS)('$path', ({ path, good, steps }) => {
  const checks = steps.flatMap(checksOf).filter(({ broken }) => broken !== undefined);

  test.each(checks)('$text', async (check) => {
    expect(await answerTo(path, { ...good, ...check.broken })).toEqual(expectedAnswer(check));
  });

  test('the first check that fails decides the reply', async () => {
    for (const [index, first] of checks.entries()) {
      const later = checks.slice(index + 1).filter(({ broken }) => haveNoFieldInCommon(first.broken, broken));
      for (const { broken } of later) {
        expect(await answerTo(path, { ...good, ...broken, ...first.broken })).toEqual(expectedAnswer(first));
      }
    }
  });
});

async function answerTo(path: string, request: object): Promise<unknown> {
  const body = JSON.stringify(request).replaceAll(WAITING_ID, waitingId);
  const { status, text } = await server.post(path, JSON.parse(body));
  return { status, reply: JSON.parse(text) };
}

function expectedAnswer({ text, code = 'invalid', reason }: Check): unknown {
  const { status, codeText } = ERROR_STATUSES[code];
  const message = expect.stringMatching(patternOf(text));
  const details = reason === undefined ? {} : { details: { code: reason } };
  return { status, reply: { code: status, code_text: codeText, message, ...details } };
}

function haveNoFieldInCommon(a: object = {}, b: object = {}): boolean {
  return Object.keys(a).every((key) => !(key in b));
}
