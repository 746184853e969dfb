import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type Config, parseConfig } from '../../src/index.ts';
import { DriverFolder, driverModule } from './support/driver-folder.ts';

const PLACE = 'line 5: partition-storage[0].config';

describe("a driver's check of its options", () => {
  test('gets them as they are written, and its faults have the key and the line', async () => {
    const folder = new DriverFolder();
    const check = `(given) => given.pool?.size > 0 ? { value: given } : {
      issues: [
        { message: 'expected a number above 0', path: ['pool', { key: 'size' }] },
        { message: 'these options do not go together' },
        { message: 'required', path: ['file'] },
      ],
    }`;
    folder.write('d.mjs', driverModule({ options: check }));
    const message = await folder.faultOf('./d.mjs', ['pool:', '  idle: 1', '  size: 0']);
    expect(message.split('\n  ')).toEqual([
      'while applying config file: line 7: partition-storage[0].config.pool.size: expected a number above 0',
      'line 4: partition-storage[0].config: these options do not go together',
      'line 4: partition-storage[0].config.file: required',
    ]);
    await expect(folder.load('./d.mjs', ['pool: { size: 1 }'])).resolves.toBeDefined();
  });

  test('may be a schema of Zod, or of any other library that follows Standard Schema', () => {
    const driver = {
      ...{ portVersion: 1 as const, name: 'acme', capabilities: { durable: false, shared: false } },
      options: z.strictObject({ file: z.string('expected the path of a file'), retries: z.int().optional() }),
      create: () => {
        throw new Error('not in this test');
      },
    };
    const parse = (options: object): Config =>
      parseConfig(
        JSON.stringify({ 'partition-storage': [{ name: 'a', driver: 'acme', config: options }] }, null, 1),
        undefined,
        [driver],
      );
    expect(parse({ file: 'a.db' })['partition-storage'][0]?.config).toEqual({ file: 'a.db' });
    expect(() => parse({ file: 7 })).toThrow(
      'line 7: partition-storage[0].config.file: expected the path of a file',
    );
    expect(() => parse({ file: 'a.db', colour: 'red' })).toThrow(
      'partition-storage[0].config: Unrecognized key',
    );
  });

  test.each([
    ['throws', '() => { throw new Error("boom"); }', 'boom'],
    ['returns a promise', 'async () => ({ value: {} })', 'its check returned a promise'],
    ['returns nothing', '() => {}', 'its check returned neither a value nor issues'],
  ])('that %s is a fault of the driver', async (_, options, reason) => {
    const folder = new DriverFolder();
    folder.write('d.mjs', driverModule({ options }));
    expect(await folder.faultOf('./d.mjs', ['a: 1'])).toContain(
      `line 4: partition-storage[0].config: the driver cannot check the options: ${reason}`,
    );
  });

  test('shows no value in a fault, whatever the driver writes', async () => {
    const folder = new DriverFolder();
    const check =
      '(given) => ({ issues: [{ path: ["url"], message: "bad: " + JSON.stringify(given) + new URL(given.url).password }] })';
    folder.write('d.mjs', driverModule({ options: check }));
    const message = await folder.faultOf('./d.mjs', [
      'url: "db://me:p%40ssw0rd@host/db"',
      'keys: [{ token: hunter22, pin: 48151623 }]',
    ]);
    expect(message).toContain(`${PLACE}.url: bad: `);
    for (const secret of ['p%40ssw0rd', 'p@ssw0rd', 'hunter22', '48151623', 'me:']) {
      expect(message).not.toContain(secret);
    }
  });
});
