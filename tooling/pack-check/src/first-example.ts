import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '@querator/tooling-processes';
import { installPacked, type Packed } from './install-packed.ts';
import { RunningProgram } from './running-program.ts';

const ENDPOINT = 'http://localhost:2319';
const OUTPUT = 'to ann@example.com: hello';

/**
 * Installs the packed client in an empty project, and runs the first example of
 * its README there, against the built server.
 *
 * @param folder an empty one.
 * @returns the faults.
 */
export async function runFirstExample(packed: Packed, folder: string): Promise<string[]> {
  const { root } = packed;
  await installPacked(['client'], folder, packed);
  const readme = readFileSync(join(root, 'packages/client/README.md'), 'utf8');
  const [, code = ''] = /^```ts\n(.*?)^```$/ms.exec(readme) ?? [];
  const address = `127.0.0.1:${await freePort()}`;
  writeFileSync(join(folder, 'main.mts'), code.replaceAll(ENDPOINT, `http://${address}`));

  const server = new RunningProgram(['apps/server/dist/main.js', 'server', '--address', address], root);
  try {
    if (!(await server.wrote('HTTP server started'))) return [`the server did not start: ${server.output}`];
    const example = new RunningProgram(['main.mts'], folder);
    const isDone = await example.wrote(OUTPUT);
    await example.end('SIGINT');
    return isDone && example.output.trim() === OUTPUT ? [] : [`the example wrote: ${example.output}`];
  } finally {
    server.child.kill();
  }
}
