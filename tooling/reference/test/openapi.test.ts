import { ERROR_REASONS } from '@querator/core';
import { ERROR_STATUSES } from '@querator/protocol';
import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { DOCUMENTED_CALLS } from '../src/openapi/document.ts';
import { OPENAPI_FILES, readOpenApi, renderOpenApi } from '../src/openapi/files.ts';
import { DescribedApi, type Response, withoutOpenObjects } from './support/described-api.ts';

const text = readOpenApi('openapi.json');
const api = new DescribedApi(withoutOpenObjects(text));
const rendered = renderOpenApi();

test.each(OPENAPI_FILES)('packages/protocol/gen/%s is current; if not: npm run reference', (name) => {
  expect(readOpenApi(name)).toBe(rendered[name]);
});

test('both files have the same document, also for readers of YAML 1.1', () => {
  const yaml = readOpenApi('openapi.yaml');
  expect(parse(yaml)).toEqual(JSON.parse(text));
  expect(parse(yaml, { version: '1.1' })).toEqual(JSON.parse(text));
});

test('the document is valid OpenAPI 3.1', async () => {
  const validator = new Validator();
  expect(await validator.validate(JSON.parse(text))).toEqual({ valid: true });
  expect(validator.version).toBe('3.1');
});

test('every reference leads to something, and every component is referred to', () => {
  const refs = new Set([...text.matchAll(/"\$ref":"(#[^"]+)"/g)].map(([, ref = '']) => ref));
  for (const ref of refs) expect(api.resolve({ $ref: ref }), ref).toBeDefined();
  const { schemas, responses, examples } = api.document.components;
  const components = Object.entries({ schemas, responses, examples }).flatMap(([kind, all]) =>
    Object.keys(all).map((name) => `#/components/${kind}/${name}`),
  );
  expect(components.filter((component) => !refs.has(component))).toEqual([]);
});

test('every call is described, with an operation id of its own', () => {
  expect(api.operations().map(([path]) => path)).toEqual(DOCUMENTED_CALLS.map(({ path }) => path));
  const ids = [...api.operations(), ...api.pages()].map(([, { operationId }]) => operationId);
  expect(new Set(ids).size).toBe(ids.length);
});

test('every error code and every reason has an example', () => {
  const replies = Object.values(api.document.components.examples).map(({ value }) => value);
  const reasons = replies.map((reply) => (reply as { details?: { code?: string } }).details?.code);
  expect(ERROR_REASONS.filter((reason) => !reasons.includes(reason))).toEqual([]);
  const statuses = replies.map(({ code }) => code);
  expect(Object.values(ERROR_STATUSES).filter(({ status }) => !statuses.includes(status))).toEqual([]);
});

test('a body that a schema does not describe is found', () => {
  const { requestBody } = api.operation('/v2/queue.lease');
  const faults = (value: object) => api.faultsOf(requestBody.content['application/json'], value);
  const good = { queue_name: 'a', client_id: 'c', request_timeout: '1s' };
  expect(faults(good)).toEqual([]);
  expect(faults({ ...good, batch_size: '1' })).toHaveLength(1);
  expect(faults({ ...good, request_timeout: '1d' })).toHaveLength(1);
  expect(faults({ ...good, name: 'x' })).toHaveLength(1);
  expect(faults({ queue_name: 'a', client_id: 'c' })).toHaveLength(1);
});

describe.each(api.operations())('%s', (_, { requestBody, responses }) => {
  const replies = Object.entries(responses).map(
    ([status, response]) => [status, api.resolve(response as Response)] as const,
  );

  test('has an example of a request and of a reply', () => {
    expect(Object.keys(requestBody.content['application/json']?.examples ?? {})).not.toEqual([]);
    const [, success] = replies.find(([status]) => status === '200') ?? [];
    expect(Object.keys(success?.content['application/json']?.examples ?? {})).not.toEqual([]);
  });

  test('has every error code, each with an example', () => {
    const errors = replies.filter(([status]) => status !== '200');
    expect(errors.map(([status]) => Number(status)).sort()).toEqual(
      Object.values(ERROR_STATUSES)
        .map(({ status }) => status)
        .sort(),
    );
    for (const [status, { content }] of errors) {
      const examples = Object.values(content['application/json']?.examples ?? {});
      expect(examples, status).not.toEqual([]);
      for (const example of examples)
        expect(api.resolve(example).value).toMatchObject({ code: Number(status) });
    }
  });

  test('has only examples that its schemas describe', () => {
    for (const { content } of [requestBody, ...replies.map(([, reply]) => reply)]) {
      const media = content['application/json'];
      for (const example of Object.values(media?.examples ?? {})) {
        const { value } = api.resolve(example);
        expect(api.faultsOf(media, value), JSON.stringify(value)).toEqual([]);
      }
    }
  });
});
