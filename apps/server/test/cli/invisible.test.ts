import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Composition } from '../../src/compose.ts';
import { startInProcess, Terminal } from './support/terminal.ts';

let server: Composition;
let terminal: Terminal;

beforeEach(() => {
  const started = startInProcess();
  server = started.server;
  terminal = new Terminal(started.fetch);
});

afterEach(() => server.stop());

/** An override of direction, a control of C1, and a zero-width space. */
const NAME = 'in\u202ev\u009bo\u200bice';
const SHOWN = 'in\\u202ev\\u009bo\\u200bice';
/** What no terminal should get. */
const RAW = /(?!\n)[\p{Cc}\p{Cf}]/u;

test('messages for people show what they say', async () => {
  const created = await terminal.ok(`create ${NAME}`);
  expect(created.stderr).toContain(`Successfully created queue '${SHOWN}'`);
  expect((await terminal.ok(`delete ${NAME} --yes`)).stderr).toContain(SHOWN);
});

test("an error of the server stays in its line, whatever the caller's value has", async () => {
  const unknown = await terminal.run(['info', NAME]);
  expect(unknown.stderr).toContain(`no such queue named '${SHOWN}'`);
  expect(unknown.stderr).not.toMatch(RAW);
  const forged = await terminal.run(['create', 'a\nError: forged\u001b[2J']);
  expect(forged.stderr).toContain("'a\\nError: forged\\u001b[2J' cannot contain whitespace");
  expect(forged.stderr.trimEnd()).not.toContain('\n');
});

test('an error about the arguments shows them', async () => {
  const { stderr } = await terminal.run(['info', 'q', '--\u202eflag']);
  expect(stderr).toContain("unknown option '--\\u202eflag'");
  expect(stderr).not.toMatch(RAW);
});

test.each([
  ['list', `list`],
  ['info', `info ${NAME}`],
  ['lease', `lease ${NAME}`],
  ['lease --jsonl', `lease ${NAME} --jsonl`],
])('%s prints JSON without these characters, which means the same', async (_, command) => {
  await terminal.run(['create', NAME, '--reference', 'a\u2066b']);
  await terminal.run(['produce', NAME, '-p', 'x', '--reference', 'a\u2066b']);
  const { stdout } = await terminal.ok(command);
  expect(stdout).not.toMatch(RAW);
  expect(stdout).toContain(SHOWN);
  expect(JSON.stringify(JSON.parse(stdout))).toContain(NAME);
  expect(JSON.stringify(JSON.parse(stdout))).toContain('a\u2066b');
});
