import { readFileSync } from 'node:fs';
import {
  type AnyEndpoint,
  accessEndpoints,
  ERROR_STATUSES,
  endpointsV2,
  queueEndpoints,
  queuesEndpoints,
  storageEndpoints,
} from '@querator/protocol';
import { expect, test } from 'vitest';

const page = readFileSync(new URL('../../../docs/several-instances.md', import.meta.url), 'utf8');
const [, section = ''] = page.split('## What a client does\n');
/** The first cells of the table: the replies. */
const replies = [...section.matchAll(/^\| (?!reply|---)([^|]+) \|/gm)].map(([, reply = '']) => reply);

test('the table of what a client does has a row for every code', () => {
  const codes = new Set(replies.flatMap((reply) => reply.match(/\b[1-5][0-9]{2}\b/g) ?? []));
  const statuses = Object.values(ERROR_STATUSES).map(({ status }) => String(status));
  // Items of a reply with 200 may have codes.
  expect([...codes].sort()).toEqual(['200', ...statuses].sort());
});

test('it says of every call what a 454 means', () => {
  const tables = [queueEndpoints, queuesEndpoints, storageEndpoints, accessEndpoints];
  const namesOf = (some: readonly object[]) =>
    some.flatMap((table) =>
      Object.values<AnyEndpoint>({ ...table }).map(({ path }) => path.slice('/v1/'.length)),
    );
  const [calls, callsV2] = [namesOf(tables), namesOf(Object.values(endpointsV2))];
  const retried = replies.filter((reply) => reply.startsWith('454')).join('\n');
  const named = [...retried.matchAll(/`([a-z]+(?:[./][a-z]+)+)`/g)].map(([, name]) => name);
  const isNamed = (call: string) => named.includes(call) || /\.(list|info|get)$/.test(call);
  expect(calls.filter((call) => !isNamed(call))).toEqual([]);
  // Those of /v2/ may be in the row for the others.
  expect(retried).toContain('another call under `/v2/`');
  expect(named.filter((name = '') => !calls.includes(name) && !callsV2.includes(name))).toEqual([]);
});
