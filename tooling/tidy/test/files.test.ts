import { describe, expect, it } from 'vitest';
import { isGenerated, isTest, read, repositoryFiles } from './repository.ts';

const MAX_LINES = 400;
const MAX_TEST_LINES = 600;
const MAX_BYTES = 300_000;
/** Names that say nothing: a helper lives beside its one user, or gets a real noun. */
const EMPTY_NAME = /(^|\/)(utils?|helpers?|common|lib|misc|shared|stuff)(\.[a-z.]+|\/)/;

const files = repositoryFiles();
const sources = files.filter((name) => /\.(ts|mjs|js)$/.test(name) && !isGenerated(name));
const lines = (name: string) => read(name).split('\n').length - 1;

describe('source files', () => {
  it(`have at most ${MAX_LINES} lines`, () => {
    const long = sources.filter((name) => !isTest(name) && lines(name) > MAX_LINES);
    expect(long).toEqual([]);
  });

  it(`have at most ${MAX_TEST_LINES} lines if they are tests`, () => {
    const long = sources.filter((name) => isTest(name) && lines(name) > MAX_TEST_LINES);
    expect(long).toEqual([]);
  });

  it('have no marks of unfinished work', () => {
    // Written apart, so that this file does not find itself.
    const mark = new RegExp(
      `\\b(${['TO', 'FIX', 'X'].map((word, i) => word + ['DO', 'ME', 'XX'][i]).join('|')})\\b`,
    );
    const unfinished = sources.filter((name) => mark.test(read(name)));
    expect(unfinished).toEqual([]);
  });
});

describe('files', () => {
  it('have names that state their contents', () => {
    expect(files.filter((name) => EMPTY_NAME.test(name))).toEqual([]);
  });

  it('are small enough for git', () => {
    const large = files.filter((name) => !isGenerated(name) && read(name).length > MAX_BYTES);
    expect(large).toEqual([]);
  });

  it("name no package registry: the user's configuration does", () => {
    const hosts = ['npmjs', 'yarnpkg', 'npmmirror'].map((name) => `registry.${name}`);
    const named = files.filter((name) => hosts.some((host) => read(name).includes(host)));
    expect(named).toEqual([]);
  });
});
