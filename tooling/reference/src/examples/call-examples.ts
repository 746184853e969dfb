import { pageNames, readPage } from '../pages.ts';
import { parseCurl } from './curl.ts';
import { examplesOf } from './page-examples.ts';

/** A request of a reference page, with the reply that the page shows. */
export interface CallExample {
  readonly request: unknown;
  /** Undefined: the page shows none. */
  readonly reply: unknown;
}

/** The examples of all calls, by path, in the order of the pages. */
export function callExamples(): ReadonlyMap<string, readonly CallExample[]> {
  const byPath = new Map<string, CallExample[]>();
  for (const { command, reply } of pageNames().flatMap((name) => examplesOf(readPage(name)))) {
    const { body, path } = parseCurl(command);
    if (body === undefined) continue;
    const shown = reply?.language === 'json' ? JSON.parse(reply.text) : undefined;
    byPath.set(path, [...(byPath.get(path) ?? []), { request: JSON.parse(body), reply: shown }]);
  }
  return byPath;
}
