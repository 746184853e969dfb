import { ERROR_STATUSES } from '@querator/protocol';
import { afterAll, expect, test } from 'vitest';
import {
  BODY_CHECKS,
  type BrokenRequest,
  HEADER_CHECKS,
  type TransportCheck,
} from '../src/checks/transport-checks.ts';
import { InProcessServer } from './support/in-process-server.ts';
import { patternOf } from './support/message-pattern.ts';

const server = new InProcessServer();
afterAll(() => server.stop());

test.each([...HEADER_CHECKS, ...BODY_CHECKS])('$when', async (check) => {
  expect(await answerTo(check.request)).toEqual(expectedAnswer(check));
});

test('the first check that fails decides the reply', async () => {
  const all = [...HEADER_CHECKS, ...BODY_CHECKS.slice(0, 1)];
  for (const [index, first] of all.entries()) {
    const later = all.slice(index + 1).filter(({ request }) => haveNoFieldInCommon(first.request, request));
    for (const { request } of later) {
      expect(await answerTo({ ...request, ...first.request })).toEqual(expectedAnswer(first));
    }
  }
});

async function answerTo({
  method = 'POST',
  path = '/v1/queues.info',
  onLoopback = true,
  host = 'localhost:2319',
  origin,
  fetchSite,
  authorization = 'Bearer token',
  accept = 'application/json',
  contentType = 'application/json',
  contentEncoding = 'identity',
  transferEncoding,
  body = '{}',
}: BrokenRequest): Promise<unknown> {
  const headers = {
    Host: host,
    ...(origin === undefined ? {} : { Origin: origin }),
    ...(fetchSite === undefined ? {} : { 'Sec-Fetch-Site': fetchSite }),
    Authorization: authorization,
    Accept: accept,
    'Content-Type': contentType,
    'Content-Encoding': contentEncoding,
    ...(transferEncoding === undefined ? {} : { 'Transfer-Encoding': transferEncoding }),
  };
  const { status, text } = await server.send({ method, path, headers, body }, { onLoopback });
  return { status, reply: JSON.parse(text) };
}

function expectedAnswer({ text, code = 'invalid', reason }: TransportCheck): unknown {
  const { status, codeText } = ERROR_STATUSES[code];
  const message = expect.stringMatching(patternOf(text));
  const details = reason === undefined ? {} : { details: { code: reason } };
  return { status, reply: { code: status, code_text: codeText, message, ...details } };
}

function haveNoFieldInCommon(a: BrokenRequest, b: BrokenRequest): boolean {
  return Object.keys(a).every((key) => !(key in b));
}
