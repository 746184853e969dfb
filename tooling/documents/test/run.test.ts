import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { parseConfig, type RunningServer, startServer } from '@querator/server';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { blocksOf, type CodeBlock, fileOf, writeFiles } from './code-blocks.ts';

/** The address of a server in the pages. */
const ENDPOINT = 'http://localhost:2319';

let server: RunningServer;
beforeAll(async () => {
  const deps = { clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger };
  server = await startServer(parseConfig('address: 127.0.0.1:0'), deps);
});
afterAll(() => server.stop());

/** The block of a page with these words. */
function blockWith(page: string, words: string): CodeBlock {
  const block = blocksOf(page).find(({ code }) => code.includes(words));
  if (block === undefined) throw new Error(`${page} has no block with ${words}`);
  return block;
}

/** A block as a program in a folder of its own, whose output is collected. */
class Program {
  readonly child: ChildProcess;
  output = '';

  constructor(block: CodeBlock) {
    const name = fileOf(block);
    const folder = writeFiles(name, new Map([[name, block.code.replaceAll(ENDPOINT, server.url)]]));
    this.child = spawn(process.execPath, ['--conditions=@querator/source', join(folder, name)], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on('data', (chunk) => {
        this.output += chunk;
      });
    }
  }

  /** Waits until it has written these words. */
  async wrote(words: string): Promise<void> {
    await expect.poll(() => this.output, { timeout: 30_000 }).toContain(words);
  }

  /** Its exit code, or the signal that ended it. */
  async ended(): Promise<unknown> {
    const { exitCode, signalCode } = this.child;
    if (exitCode !== null || signalCode !== null) return exitCode ?? signalCode;
    const [code, signal] = await once(this.child, 'exit');
    return code ?? signal;
  }
}

test.each([
  ['packages/client/README.md', 'ensureQueue(client', 'to ann@example.com: hello'],
  ['packages/client/README.md', 'inProcess(service)', 'ann@example.com'],
])(
  'the worker in %s with %s works until it is stopped',
  async (page, words, output) => {
    const program = new Program(blockWith(page, words));
    await program.wrote(output);
    program.child.kill('SIGINT');
    expect(await program.ended()).toBe('SIGINT');
    expect(program.output.trim()).toBe(output);
  },
  60_000,
);

test.each([
  ['packages/client/README.md', 'listItems(client', /^$/],
  ['packages/client/README.md', 'Querator-Count-Age', /^\d+$/],
  ['docs/recipes.md', 'dedupKey', /^17 is stored\n18 is stored\n17 was stored before$/],
  [
    'docs/recipes.md',
    'new Dead',
    /^(?=.*is dead: Dead: a negative amount)(?=.*comes again at .*: the bank is closed).*paid 250 at attempt 2$/s,
  ],
  ['docs/recipes.md', 'maxHold', /^holiday.mov took longer than a lease, and attempt 1$/],
  ['docs/recipes.md', 'minItems', /^100 clicks at once\n100 clicks at once\n50 clicks at once$/],
  [
    'docs/recipes.md',
    'redrive',
    /^(\w+ attempts Error: no paper\n){2}done: 2 found, 0 returned\ndone: 2 found, 2 returned$/,
  ],
  ['docs/recipes.md', 'queues.pause', /^consumers wait until \d/],
  ['docs/recipes.md', 'nightly', /^nightly at 0 2 \* \* \*, Europe\/Berlin$/],
  ['docs/recipes.md', 'customer', /^true waiting$/],
  ['packages/engine/README.md', 'createService', /^$/],
  ['packages/core/README.md', 'memoryBackend', /^0s$/],
  ['packages/storage-memory/README.md', 'memoryBackend', /^$/],
  ['packages/storage-sqlite/README.md', 'sqliteBackend', /^$/],
  ['packages/router/README.md', 'placePartitions', /^$/],
  ['examples/storage-sqlite/README.md', 'sqliteBackend', /^$/],
  ['packages/testing/README.md', 'failed-mail', /^Error: no connection$/],
  ['packages/testing/README.md', 'loseAnswer', /^1$/],
  ['apps/server/README.md', 'startServer', /^http:\/\/127\.0\.0\.1:\d+$/],
])(
  'the program in %s with %s runs to its end',
  async (page, words, output) => {
    const program = new Program(blockWith(page, words));
    expect(await program.ended(), program.output).toBe(0);
    expect(program.output.trim()).toMatch(output);
  },
  60_000,
);
