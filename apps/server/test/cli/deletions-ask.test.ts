import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { afterAll, expect, test } from 'vitest';
import { commandTree, startInProcess, Terminal } from './support/terminal.ts';

/** Commands that remove something, by their last word. */
const REMOVES = /^(delete|drop|clear|revoke|remove|purge)/;

/** The lines of commands, as a user writes them, with an argument for each that is required. */
function linesOf(command: Command, words: readonly string[] = []): readonly string[] {
  if (command.commands.length > 0) {
    return command.commands.flatMap((each) => linesOf(each, [...words, each.name()]));
  }
  const values = command.registeredArguments.filter(({ required }) => required).map(() => 'x');
  const flags = command.options.some(({ long }) => long === '--all') ? ['--all'] : [];
  return REMOVES.test(words.at(-1) ?? '') ? [[...words, ...values, ...flags].join(' ')] : [];
}

const { server, fetch } = startInProcess();
const calls: string[] = [];
const terminal = new Terminal((url, init) => {
  calls.push(new URL(url).pathname);
  return fetch(url, init);
});
const program = commandTree();
/** Of the profiles. */
const folder = mkdtempSync(join(tmpdir(), 'querator-profiles-'));
writeFileSync(join(folder, 'profiles.yaml'), 'profiles: { x: { endpoint: "http://localhost:2319" } }\n');
afterAll(() => rmSync(folder, { recursive: true }));
const env = { QUERATOR_CONFIG: '/no/such.yaml', QUERATOR_CONFIG_HOME: folder };
/** What commands ask the server before they ask the user. */
const READS = /\.(stats|summarize|info)$/;

test('the program has commands that remove something', () => {
  expect(linesOf(program).length).toBeGreaterThanOrEqual(11);
});

test.each(linesOf(program))('%s removes nothing without a yes', async (line) => {
  await server.start();
  await terminal.run(['create', 'x']);
  for (const [isTerminal, input, text] of [
    [false, 'y\n', 'there is no terminal to ask on, add --yes'],
    [true, '', 'not confirmed'],
    [true, 'no\n', 'not confirmed'],
  ] as const) {
    calls.length = 0;
    const ran = await terminal.run(line.split(' '), { env, isTerminal, input });
    expect(ran).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining(text) });
    expect(calls.filter((path) => !READS.test(path))).toEqual([]);
  }
  const yes = await terminal.run([...line.split(' '), '--yes'], { env });
  expect(yes.stderr).not.toContain('--yes');
});
