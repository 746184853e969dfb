import { describe, expect, it } from 'vitest';
import { read, repositoryFiles } from './repository.ts';

const files = repositoryFiles();
const contract = files.filter((name) => name.startsWith('packages/storage-conformance/src/contract/'));

/** The comments of core as running text: what drivers are promised. */
const promises = files
  .filter((name) => name.startsWith('packages/core/src/'))
  .map((name) => read(name).replace(/\n\s*\*\s?/g, ' '))
  .join(' ')
  .replace(/\s+/g, ' ')
  .replaceAll('`', '');

const COMMENT_LINES = /(?:^[ \t]*\/\/.*\n)+/gm;

/** What the comments of a file set in quotation marks. `…` stands for words left out; backticks do not matter. */
function quotesIn(name: string): readonly string[] {
  const comments = read(name).match(COMMENT_LINES) ?? [];
  const text = comments.map((comment) => comment.replace(/\s*\/\/\s*/g, ' '));
  return text.flatMap((comment) => [...comment.matchAll(/"([^"]+)"/g)].map(([, quote = '']) => quote));
}

function isPromised(quote: string): boolean {
  return quote.split('…').every((part) => promises.includes(part.trim().replaceAll('`', '')));
}

describe('the contract suite', () => {
  it.each(contract)('%s quotes the ports literally', (name) => {
    expect(quotesIn(name).filter((quote) => !isPromised(quote))).toEqual([]);
  });
});
