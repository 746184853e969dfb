import { expect, test } from 'vitest';
import { fillBlocks } from '../src/blocks.ts';
import { CALLS } from '../src/checks/all-checks.ts';
import { pageNames, readPage } from '../src/pages.ts';
import { readMessages } from '../src/proto/read-messages.ts';
import { callName } from '../src/tables/endpoint-table.ts';

const all = pageNames().map(readPage).join('\n');

test.each(pageNames())('docs/reference/%s is current; if not: npm run reference', (name) => {
  const text = readPage(name);
  expect(text).toBe(fillBlocks(text));
});

test('every call has a section, its checks and an example', () => {
  for (const { path } of CALLS) {
    const name = callName(path);
    expect(all).toContain(`\n## ${name}\n`);
    expect(all).toContain(`<!-- generated: checks ${name} -->`);
    expect(all).toContain(`curl -s http://localhost:2319${path} `);
  }
});

test('every message of the calls that are served is described', () => {
  // No call has it: a field that is never sent has this type.
  const unused = 'PartitionInfo';
  for (const name of [...readMessages().keys()].filter((each) => each !== unused)) {
    expect(all, name).toContain(`<!-- generated: fields ${name} -->`);
  }
});

test('every field of every message has a comment', () => {
  const silent = [...readMessages().values()].flatMap(({ name, fields }) =>
    fields.filter(({ comment }) => comment === '').map(({ jsonName }) => `${name}.${jsonName}`),
  );
  expect(silent).toEqual([]);
});
