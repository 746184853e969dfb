import type { Command } from 'commander';
import type { Cli } from './cli.ts';

/** The commands whose output was JSON before there were tables, and stays so. */
const JSON_BY_DEFAULT: ReadonlySet<string> = new Set([
  ...['list', 'info', 'stats', 'instances', 'quota get', 'audit list', 'storage list', 'outbox list'],
  ...['namespace list', 'user list', 'key list', 'role list', 'binding list'],
]);

/** Adds `--table` to the commands that print JSON without a flag, and `--json`, which changes nothing there. */
export function addTableFlags(program: Command, cli: Cli): void {
  const add = (command: Command, words: readonly string[]): void => {
    for (const each of command.commands) add(each, [...words, each.name()]);
    if (!JSON_BY_DEFAULT.has(words.join(' '))) return;
    command
      .option('--table', 'print a table instead of JSON', false)
      .option('--json', 'print JSON, as without a flag', false)
      .hook('preAction', () => {
        const { table, json } = command.opts<{ readonly table: boolean; readonly json: boolean }>();
        cli.output.asTable = table && !json;
      });
  };
  add(program, []);
}
