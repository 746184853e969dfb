import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test, vi } from 'vitest';

const PROGRAM = fileURLToPath(new URL('support/stopping-program.ts', import.meta.url));
/** A process starts within a second on an idle machine. */
const PATIENCE = { timeout: 30_000, interval: 20 };

/** A program whose two workers have an item each, at work until it gets input. */
async function startProgram() {
  const child = spawn(process.execPath, ['--conditions=@querator/source', PROGRAM], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  const exit = once(child, 'exit');
  const lines = () => output.trim().split('\n').toSorted();
  await vi.waitFor(() => expect(lines()).toEqual(['first started', 'second started']), PATIENCE);
  return { child, exit, lines: () => lines().filter((line) => !line.endsWith('started')) };
}

test('SIGTERM lets the handlers end, and then the process', async () => {
  const { child, exit, lines } = await startProgram();
  child.kill('SIGTERM');
  child.stdin.write('end\n');
  expect(await exit).toEqual([null, 'SIGTERM']);
  expect(lines()).toEqual(['first completed', 'second completed']);
}, 60_000);

test('a second signal aborts the handlers', async () => {
  const { child, exit, lines } = await startProgram();
  child.kill('SIGINT');
  const timer = setInterval(() => child.kill('SIGINT'), PATIENCE.interval);
  expect(await exit).toEqual([null, 'SIGINT']);
  clearInterval(timer);
  expect(lines()).toEqual(['first given back', 'second given back']);
}, 60_000);
