import { readPage } from '../pages.ts';
import { parseCurl } from './curl.ts';
import { examplesOf } from './page-examples.ts';

/** The replies to a `GET` without a query that the reference shows, as examples of a document. */
export function pageExamples(path: string): Readonly<Record<string, { readonly value: unknown }>> {
  const replies = examplesOf(readPage('system-calls.md'))
    .filter(({ command }) => parseCurl(command).path === path)
    .flatMap(({ reply }) => (reply === undefined ? [] : [reply]));
  if (replies.length === 0) throw new Error(`docs/reference/system-calls.md shows no reply to GET ${path}`);
  return Object.fromEntries(
    replies.map(({ language, text }, index) => [
      `example-${index + 1}`,
      { value: language === 'json' ? JSON.parse(text) : text },
    ]),
  );
}
