import type { Fetch } from '@querator/client';
import { describe, expect, test } from 'vitest';
import { ALL_ENDPOINTS } from '../support/all-endpoints.ts';
import { COMMANDS } from './support/command-of-call.ts';
import { commandTree, type RunOptions, Terminal } from './support/terminal.ts';

/** Browsers make these. The command line has its own keys. */
const OF_BROWSERS = new Set(['/v2/session.create', '/v2/session.get', '/v2/session.delete']);
const ENDPOINTS = ALL_ENDPOINTS.filter(({ path }) => !OF_BROWSERS.has(path));

/** The calls that a command makes of a server which answers everything with an empty message. */
async function callsOf(line: string, options: RunOptions = {}): Promise<{ code: number; calls: string[] }> {
  const calls: string[] = [];
  const fetch: Fetch = async (url) => {
    calls.push(new URL(url).pathname);
    return new Response('{}', { headers: { 'Content-Type': 'application/json' } });
  };
  const { code } = await new Terminal(fetch).run(line.split(' '), { isTerminal: true, ...options });
  return { code, calls };
}

/** What makes a call, of this or of the other version. */
function lineOf(path: string): { readonly line: string; readonly input: string } | undefined {
  const caller = COMMANDS[path];
  if (caller === undefined) return undefined;
  if (typeof caller === 'string') return { line: caller, input: '' };
  return 'of' in caller ? lineOf(caller.of) : caller;
}

describe('every call of the API has a command', () => {
  test.each(ENDPOINTS.map(({ path }) => path))('%s', async (path) => {
    const caller = COMMANDS[path];
    const made = caller !== undefined && typeof caller !== 'string' && 'of' in caller ? caller.of : path;
    const command = lineOf(path);
    expect(command, 'a row in COMMANDS').toBeDefined();
    const { calls } = await callsOf(command?.line ?? '', { input: command?.input ?? '' });
    expect(calls).toContain(made);
  });

  test('and no others are listed', () => {
    const paths = new Set(ENDPOINTS.map(({ path }) => path));
    expect(Object.keys(COMMANDS).filter((path) => !paths.has(path))).toEqual([]);
  });

  test('which answers for the other version only if both do the same', () => {
    const pairs = Object.entries(COMMANDS).flatMap(([path, caller]) =>
      typeof caller === 'object' && 'of' in caller ? [[path, caller.of] as const] : [],
    );
    const nameOf = (path: string) => path.replace(/^\/v[12]\/(storage\/)?/, '');
    for (const [path, of] of pairs) expect(nameOf(of)).toBe(nameOf(path));
  });
});

describe('commands that print a table', () => {
  const lines = Object.values(COMMANDS).flatMap((caller) => (typeof caller === 'string' ? [caller] : []));
  const commandOf = (line: string) => {
    let command = commandTree();
    for (const word of line.split(' ')) {
      command = command.commands.find((each) => each.name() === word) ?? command;
    }
    return command;
  };
  const withJson = lines.filter((line) => commandOf(line).options.some(({ long }) => long === '--json'));

  test.each([...new Set(withJson)])('%s prints JSON with --json, and nothing else', async (line) => {
    const fetch: Fetch = async () => new Response('{}', { headers: { 'Content-Type': 'application/json' } });
    const ran = await new Terminal(fetch).run([...line.split(' '), '--json']);
    expect(() => JSON.parse(ran.stdout)).not.toThrow();
  });
});
