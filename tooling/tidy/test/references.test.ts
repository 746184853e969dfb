import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isGenerated, read, repositoryFiles } from './repository.ts';

const files = repositoryFiles();
const documents = files.filter((name) => name.endsWith('.md'));
const sources = files.filter((name) => /\.(ts|mjs|proto)$/.test(name) && !isGenerated(name));

const COMMENT = /\/\*[\s\S]*?\*\/|\/\/.*$/gm;
const DOCUMENT = /[\w./-]*\w\.md\b/g;
const DECISION = /\b(?:ADR|decision) (\d+)/gi;

const decisions = new Set(
  documents
    .filter((name) => name.startsWith('docs/adr/'))
    .map((name) => Number(basename(name).slice(0, 4)))
    .filter((number) => !Number.isNaN(number)),
);

function commentsOf(source: string): string {
  return (read(source).match(COMMENT) ?? []).join('\n');
}

/** A comment names a document by its path, or by the end of its path. */
function isDocument(name: string): boolean {
  return documents.some((path) => path === name || path.endsWith(`/${name}`));
}

/** What the texts refer to and the repository does not have, each with its file. */
function dangling(
  names: readonly string[],
  textOf: (name: string) => string,
  { pattern, exists }: { readonly pattern: RegExp; readonly exists: (match: RegExpMatchArray) => boolean },
): readonly string[] {
  return names.flatMap((name) =>
    [...textOf(name).matchAll(pattern)].filter((match) => !exists(match)).map(([word]) => `${name}: ${word}`),
  );
}

describe('comments', () => {
  it('name documents that exist', () => {
    const exists = ([name]: RegExpMatchArray) => isDocument(name);
    expect(dangling(sources, commentsOf, { pattern: DOCUMENT, exists })).toEqual([]);
  });
});

describe('comments and documents', () => {
  it('name decisions that exist', () => {
    const exists = ([, number]: RegExpMatchArray) => decisions.has(Number(number));
    expect(dangling(sources, commentsOf, { pattern: DECISION, exists })).toEqual([]);
    expect(dangling(documents, read, { pattern: DECISION, exists })).toEqual([]);
  });
});
