import { pageNames, readPage } from '../pages.ts';
import { callName } from '../tables/endpoint-table.ts';
import { plainText } from './error-examples.ts';

/** The first paragraph of a call's section in the reference, without links. */
export function describeCall(path: string): string {
  const heading = `\n## ${callName(path)}\n\n`;
  const page = pageNames()
    .map(readPage)
    .find((text) => text.includes(heading));
  if (page === undefined) throw new Error(`no page of docs/reference has a section '${callName(path)}'`);
  const start = page.indexOf(heading) + heading.length;
  const paragraph = page.slice(start, page.indexOf('\n\n', start));
  return plainText(paragraph.replaceAll('\n', ' '));
}
