import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { blocksOf, fileOf, pages, writeFiles } from './code-blocks.ts';
import { LEFT_OUT, OTHER_FILES } from './what-pages-leave-out.ts';

test('the TypeScript of every page compiles', () => {
  const blocks = pages().flatMap(blocksOf);
  expect(blocks.length).toBeGreaterThan(10);
  const files = new Map(OTHER_FILES);
  for (const block of blocks) {
    // The declarations come last, so that the lines of errors are those of the block.
    files.set(fileOf(block), `${block.code}\n${LEFT_OUT[block.page] ?? ''}\nexport {};\n`);
  }
  const settings = {
    extends: '@querator/tooling-typescript/base.json',
    compilerOptions: { types: ['node'] },
    include: ['*.ts'],
  };
  files.set('tsconfig.json', JSON.stringify(settings));
  const folder = writeFiles('compile', files);
  const { stdout, status } = spawnSync('tsc', ['-p', folder, '--pretty', 'false'], { encoding: 'utf8' });
  expect(stdout).toBe('');
  expect(status).toBe(0);
}, 120_000);
