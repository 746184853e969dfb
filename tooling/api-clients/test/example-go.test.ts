import process from 'node:process';
import { mustRun } from '@querator/tooling-processes';
import { expect, test } from 'vitest';
import { inClone, testFolder } from './support/clone.ts';
import { runExample } from './support/run-example.ts';

const BUF = '@bufbuild/buf@1.75.0';

test('the example for Go is generated, built, and produces, leases and completes', async () => {
  const cwd = inClone('examples/go');
  const program = `${testFolder('go')}/example`;
  // The first call alone: two that download the module at the same time would fight over it.
  await mustRun('go', ['mod', 'download'], { cwd });
  await mustRun('pnpm', ['dlx', BUF, 'generate'], { cwd, env: process.env });
  expect(await mustRun('gofmt', ['-l', 'main.go'], { cwd })).toBe('');
  await mustRun('go', ['vet', '.'], { cwd });
  await mustRun('go', ['build', '-o', program, '.'], { cwd });
  expect(await runExample('go', [program])).toBe(
    'produced 2 items\ngreeting: hello\ngreeting: world\ncompleted 2 items\n',
  );
});
