import { describe, expect, test } from 'vitest';
import { checkOptions, driverFault, optionPath } from './check-driver.ts';
import { PORT_VERSION } from './storage-driver.ts';

const GOOD = {
  portVersion: PORT_VERSION,
  name: '@acme/storage.v1_b-2',
  capabilities: { durable: true, shared: false },
  options: () => ({ value: {} }),
  create: () => {},
};

const schema = (validate: (value: unknown) => unknown) =>
  ({ '~standard': { version: 1, vendor: 'test', validate } }) as never;

describe('a storage driver', () => {
  test('may check options by a function or by a schema', () => {
    expect(driverFault(GOOD)).toBeUndefined();
    expect(driverFault({ ...GOOD, options: schema(() => ({ value: {} })) })).toBeUndefined();
  });

  test.each([
    [undefined, 'is no storage driver: expected an object'],
    ['driver', 'is no storage driver: expected an object'],
    [{ ...GOOD, portVersion: undefined }, 'is no storage driver: expected portVersion 1'],
    [{ ...GOOD, name: 'Acme' }, 'is no storage driver: its name must have 1 to 64 of the characters'],
    [{ ...GOOD, name: 'a'.repeat(65) }, 'is no storage driver: its name must have'],
    [{ ...GOOD, capabilities: { durable: true } }, 'its capabilities must be an object of booleans'],
    [{ ...GOOD, capabilities: { durable: true, shared: true, find: 1 } }, 'an object of booleans'],
    [{ ...GOOD, options: {} }, 'its options must be a function or a schema of Standard Schema'],
    [{ ...GOOD, options: undefined }, 'its options must be a function or a schema'],
    [{ ...GOOD, create: undefined }, 'is no storage driver: create must be a function'],
  ])('%j is refused: %s', (value, fault) => {
    expect(driverFault(value)).toContain(fault);
  });

  test('of another version of the ports is refused for that reason, whatever else it has', () => {
    expect(driverFault({ portVersion: 2 })).toBe(
      'was made for version 2 of the storage ports, and version 1 is required: install a release of the driver for that version',
    );
  });
});

describe('options', () => {
  test('are returned as the driver reads them', () => {
    const options = (given: Readonly<Record<string, unknown>>) => ({ value: Number(given['size']) });
    expect(checkOptions({ options }, { size: '7' })).toEqual({ value: 7 });
    expect(checkOptions({ options: schema(() => ({ value: 8 })) }, {})).toEqual({ value: 8 });
  });

  test('with a fault are not', () => {
    const issues = [{ message: 'too small', path: ['pool', { key: 'size' }, 0] }];
    const checked = checkOptions({ options: schema(() => ({ issues })) }, {});
    expect(checked).toEqual({ issues });
    expect(checked.issues?.map(optionPath)).toEqual([['pool', 'size', 0]]);
    expect(optionPath({ message: 'x' })).toEqual([]);
  });

  test.each([
    [
      'throws',
      () => {
        throw new Error('boom');
      },
      'boom',
    ],
    ['returns nothing', () => undefined, 'its check returned neither a value nor issues'],
    ['returns a promise', async () => ({ value: {} }), 'its check returned a promise'],
  ])('are refused if their check %s', (_, options, text) => {
    const { issues } = checkOptions({ options: options as never }, {});
    expect(issues).toEqual([{ message: `the driver cannot check the options: ${text}` }]);
  });
});
