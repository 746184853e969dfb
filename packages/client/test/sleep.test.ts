import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const INDEX = new URL('../src/index.ts', import.meta.url).href;

/** What a program prints that has nothing else to do than this. */
async function outputOf(lines: string): Promise<string> {
  const program = `
    import { createClient, producer, waitForTask } from ${JSON.stringify(INDEX)};
    const client = createClient({ endpoint: 'http://127.0.0.1:1' });
    ${lines}`;
  const args = ['--conditions=@querator/source', '--input-type=module', '--eval', program];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return stdout.trim();
}

test.each([
  ['a send', "producer(client, { queue: 'q', timeout: '1s' }).send(new Uint8Array())"],
  ['a wait for a task', "waitForTask(client, 'abc', { signal: AbortSignal.timeout(1_000) })"],
])(
  '%s to a server that does not run keeps the process alive between its attempts',
  async (_, call) => {
    expect(await outputOf(`await ${call}.catch(({ name }) => console.log(name));`)).toMatch(
      /^(Connect|Timeout)Error$/,
    );
  },
  60_000,
);
