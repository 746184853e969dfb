import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tableOf } from '../../src/cli/value-table.ts';
import { startInProcess, Terminal } from './support/terminal.ts';

const { server, fetch } = startInProcess();
const terminal = new Terminal(fetch);
beforeAll(async () => {
  await server.start();
  await terminal.run(['create', 'mail', '--reference', 'a\u202e\nb']);
  await terminal.ok('create orders --dead-queue mail');
});
afterAll(() => server.stop());

describe('--table', () => {
  test('prints a list with a column for each field that an element has', async () => {
    const { stdout } = await terminal.ok('list --table');
    const [heads = '', mail = '', orders = '', ...rest] = stdout.trimEnd().split('\n');
    expect(heads).toMatch(/^QUEUE_NAME +CREATED_AT +UPDATED_AT .*REFERENCE/);
    expect(heads).toContain('DEAD_QUEUE');
    expect(mail).toMatch(/^mail .* a\\u202e\\nb( |$)/);
    expect(orders).toMatch(/^orders +20\S+ +20\S+ /);
    expect(rest).toEqual([]);
  });

  test('orders the columns as the fullest element does, whichever comes first', () => {
    const [short, full] = [
      { id: 'a', scope: 'x' },
      { id: 'b', name: 'n', scope: 'y' },
    ];
    expect(tableOf({ items: [short, full] })).toMatch(/^ID +NAME +SCOPE\n/);
    expect(tableOf({ items: [full, short] })).toMatch(/^ID +NAME +SCOPE\n/);
  });

  test('prints one object with a row for each field', async () => {
    const { stdout } = await terminal.ok('info mail --table');
    expect(stdout).toMatch(/^FIELD +VALUE\nqueue_name +mail\n/);
  });

  test('prints the counts of a queue with a row for each partition', async () => {
    await terminal.ok('produce mail --payload x');
    const { stdout } = await terminal.ok('stats mail --table');
    expect(stdout).toMatch(/^(?=.*TOTAL)(?=.*AVERAGE_AGE).*\n(?=.*\b1\b).*\n$/);
  });

  test('prints an empty list', async () => {
    expect((await terminal.ok('list --pivot zzz --table')).stdout).toBe('FIELD  VALUE\n');
  });
});

test.each(['list', 'info mail', 'stats mail', 'instances'])(
  '%s prints the same with --json',
  async (line) => {
    const [plain, json, both] = await Promise.all([
      terminal.run(line.split(' ')),
      terminal.run([...line.split(' '), '--json']),
      terminal.run([...line.split(' '), '--table', '--json']),
    ]);
    expect(plain.code).toBe(json.code);
    expect(Object.keys(JSON.parse(json.stdout || '{}'))).toEqual(
      Object.keys(JSON.parse(plain.stdout || '{}')),
    );
    expect(() => JSON.parse(both.stdout || '{}')).not.toThrow();
  },
);
