import { expect, it } from 'vitest';
import { isGenerated, read, repositoryFiles } from './repository.ts';

/** An error for a caller whose text is a template without the tag, which repeats its values at any length. */
const UNTAGGED = /(?<!function )\b(?:invalid|new QueueError)\(\s*(?:'[a-z_]+',\s*)?`(?:[^`\\]|\\.)*\$\{/;

const sources = repositoryFiles().filter(
  (name) => /^(packages|apps|examples)\/.*\/src\/.*\.ts$/.test(name) && !isGenerated(name),
);

it('texts for callers shorten every value: errorText`…`', () => {
  const code = (name: string) => read(name).replace(/^ *(\/?\*|\/\/).*$/gm, '');
  expect(sources.filter((name) => UNTAGGED.test(code(name)))).toEqual([]);
});
