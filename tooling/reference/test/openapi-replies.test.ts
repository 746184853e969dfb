import { codecs } from '@querator/protocol';
import { describe, expect, test } from 'vitest';
import { parseCurl } from '../src/examples/curl.ts';
import { examplesOf } from '../src/examples/page-examples.ts';
import { DOCUMENTED_CALLS } from '../src/openapi/document.ts';
import { readOpenApi } from '../src/openapi/files.ts';
import { pageNames, readPage } from '../src/pages.ts';
import { differences, type ItemIds } from './support/compare-reply.ts';
import { DescribedApi, withoutOpenObjects } from './support/described-api.ts';
import { ListeningServer } from './support/listening-server.ts';

const JSON_TYPE = 'application/json';
const PROTOBUF_TYPE = 'application/protobuf';

const api = new DescribedApi(withoutOpenObjects(readOpenApi('openapi.json')));
const pages = pageNames().filter((name) => callsOf(name).length > 0);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

test('every operation is called', () => {
  const called = new Set(pages.flatMap(callsOf).map(({ path }) => path));
  expect(api.operations().filter(([path]) => !called.has(path))).toEqual([]);
});

describe.each(pages)('a server answers the examples of %s as the document says', (name) => {
  test('in JSON', () =>
    onServer(async (server) => {
      await runExamples(name, async (path, body) => {
        const reply = await server.post(path, body);
        expect(reply.headers.get('content-type')).toBe(JSON_TYPE);
        return { ...reply, body: JSON.parse(text(reply.body)) };
      });
    }));

  test('in protobuf', () =>
    onServer(async (server) => {
      await runExamples(name, async (path, json) => {
        const { request, response } = endpointOf(path);
        const body = new Uint8Array(request.encode(request.fromJson(json)));
        const reply = await server.post(path, body, PROTOBUF_TYPE);
        expect(reply.headers.get('content-type')).toBe(PROTOBUF_TYPE);
        const codec = reply.status === 200 ? response : codecs.Reply;
        expect(messageNames(path, reply.status)).toEqual([nameOf(request.name), nameOf(codec.name)]);
        const decoded = codec.decode(reply.body) as never;
        return { ...reply, body: JSON.parse(text(codec.toJson(decoded))) };
      });
    }));

  function nameOf(message: string) {
    return expect.stringMatching(new RegExp(`^(querator(\\.v2)?|duh\\.v1)\\.${message}$`));
  }
});

test('a task that was created can be read and cancelled', () =>
  onServer(async (server) => {
    const send = async (path: string, request: object) => {
      const reply = await server.post(path, JSON.stringify(request));
      const body = JSON.parse(text(reply.body));
      expect(faultsOf(path, request, { ...reply, body })).toEqual([]);
      return { status: reply.status, body };
    };
    const queue = { queue_name: 'a', lease_timeout: '1m', expire_timeout: '1h', requested_partitions: 1 };
    await send('/v1/queues.create', queue);
    const { body } = await send('/v2/tasks.create', { kind: 'delete', queue_name: 'a' });
    for (const call of ['get', 'cancel', 'get']) {
      expect(await send(`/v2/tasks.${call}`, { id: body.id })).toMatchObject({
        status: 200,
        body: { id: body.id },
      });
    }
  }));

test.each([
  ['api key is invalid', 'x'],
  ['api key does not exist', `qtr-ci-${'a'.repeat(43)}`],
])('a server with access control answers 401 %s', (message, key) =>
  onServer(
    async (server) => {
      const reply = await server.post('/v1/queues.list', '{}', JSON_TYPE, { Authorization: `Bearer ${key}` });
      const body = JSON.parse(text(reply.body));
      expect(body).toMatchObject({ code: 401, message });
      expect(api.replyFaults('/v1/queues.list', { ...reply, body })).toEqual([]);
      const examples = Object.values(api.document.components.examples);
      expect(examples.map(({ value }) => value)).toContainEqual(body);
    },
    { 'auth-backend': { driver: 'internal', 'admin-key': `qtr-ci-${'b'.repeat(43)}` } },
  ),
);

async function onServer(run: (server: ListeningServer) => Promise<void>, config: object = {}): Promise<void> {
  const server = new ListeningServer(config);
  try {
    await run(server);
  } finally {
    await server.stop();
  }
}

/** The calls of a page's examples, in their order, with the replies that the page shows. */
function callsOf(page: string) {
  return examplesOf(readPage(page)).flatMap(({ command, reply, line }) => {
    const { path, body } = parseCurl(command);
    const shown = reply?.language === 'json' ? JSON.parse(reply.text) : undefined;
    return body === undefined ? [] : [{ path, body, shown, line }];
  });
}

type Send = (path: string, body: string) => Promise<{ status: number; headers: Headers; body: unknown }>;

async function runExamples(page: string, send: Send): Promise<void> {
  const ids: ItemIds = new Map();
  for (const { path, body, shown, line } of callsOf(page)) {
    const real = [...ids].reduce((all, [example, id]) => all.replaceAll(example, id), body);
    if (api.document.paths[path] === undefined || refusesAsUnknown(shown)) continue;
    const reply = await send(path, real);
    // Learns the ids of this run, which later examples need.
    if (shown !== undefined) differences(shown, reply.body, ids);
    expect(faultsOf(path, JSON.parse(real), reply), `${page}, line ${line}`).toEqual([]);
    expect(reply.status, `${page}, line ${line}`).toBe(shown?.code ?? 200);
  }
}

/** An example of a body that the server cannot read. */
function refusesAsUnknown(shown: { readonly code?: number } | undefined): boolean {
  return shown?.code === 455;
}

function faultsOf(
  path: string,
  request: unknown,
  reply: { status: number; headers: Headers; body: unknown },
) {
  const { requestBody } = api.operation(path);
  return [...api.faultsOf(requestBody.content[JSON_TYPE], request), ...api.replyFaults(path, reply)];
}

function messageNames(path: string, status: number): readonly unknown[] {
  const { requestBody, responses } = api.operation(path);
  const response = responses[String(status)];
  return [requestBody, response && api.resolve(response)].map(
    (described) => described?.content[PROTOBUF_TYPE]?.['x-protobuf-message'],
  );
}

function endpointOf(path: string) {
  const endpoint = DOCUMENTED_CALLS.find((each) => each.path === path);
  if (endpoint === undefined) throw new Error(`no call has the path ${path}`);
  return endpoint;
}
