import { expect, test } from 'vitest';
import { parseCurl } from '../src/examples/curl.ts';
import { examplesOf } from '../src/examples/page-examples.ts';
import { pageNames, readPage } from '../src/pages.ts';
import { differences, type ItemIds } from './support/compare-reply.ts';
import { type Answer, InProcessServer } from './support/in-process-server.ts';

const pages = pageNames().filter((name) => examplesOf(readPage(name)).length > 0);

test('the pages of calls have examples', () => {
  expect(pages).toEqual(
    expect.arrayContaining(['queue-calls.md', 'queues-calls.md', 'storage-calls.md', 'system-calls.md']),
  );
});

test.each(pages)('the examples in docs/reference/%s work', async (name) => {
  const server = new InProcessServer();
  const ids: ItemIds = new Map();
  try {
    for (const { command, reply, line } of examplesOf(readPage(name))) {
      const { body, ...request } = parseCurl(command);
      const answer = await server.send({ ...request, body: body && withRealIds(body, ids) });
      expect(faultsOf(answer, reply, ids), `${name}, line ${line}`).toEqual([]);
    }
  } finally {
    await server.stop();
  }
});

/** The body with the ids of this run in the place of those on the page. */
function withRealIds(body: string, ids: ItemIds): string {
  return [...ids].reduce((text, [shown, real]) => text.replaceAll(shown, real), body);
}

function faultsOf(
  { status, text }: Answer,
  reply: { readonly language: string; readonly text: string } | undefined,
  ids: ItemIds,
): readonly string[] {
  if (reply === undefined) return status === 200 ? [] : [`answered with ${status}: ${text}`];
  if (reply.language === 'text') {
    const lines = new Set(text.split('\n'));
    return reply.text.split('\n').filter((line) => line !== '' && !lines.has(line));
  }
  const shown = JSON.parse(withRealIds(reply.text, ids)) as { readonly code?: number };
  const statusFaults = status === (shown.code ?? 200) ? [] : [`answered with ${status}`];
  return [...statusFaults, ...differences(shown, JSON.parse(text), ids)];
}
