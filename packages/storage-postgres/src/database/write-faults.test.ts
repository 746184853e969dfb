import { ManualClock } from '@querator/core/testing';
import { expect, test } from 'vitest';
import { PostgresError } from '../errors/postgres-error.ts';
import { WriteFaults } from './write-faults.ts';

const error = (sqlState: string | undefined) =>
  new PostgresError('refused', { outcome: 'not-applied', sqlState, connectionLost: false, timedOut: false });

test.each(['53100', '53200', '53400', '58030', 'XX001'])('%s means that the server cannot write', (state) => {
  const faults = new WriteFaults(new ManualClock());
  faults.refused('produce_255436d8bdc5_000000', error(state));
  expect([faults.any, faults.last?.error.sqlState]).toEqual([true, state]);
});

test.each(['53300', '23505', '40P01', '57014', undefined])(
  '%s does not mean that the server cannot write',
  (state) => {
    const faults = new WriteFaults(new ManualClock());
    faults.refused('produce_255436d8bdc5_000000', error(state));
    expect([faults.any, faults.last]).toEqual([false, undefined]);
  },
);

test('a refused write counts until a write of its kind or a produce succeeds', async () => {
  const clock = new ManualClock();
  const faults = new WriteFaults(clock);
  faults.refused('produce_and_lease_255436d8bdc5_000000', error('53100'));
  faults.written('complete_255436d8bdc5_000000');
  faults.written(undefined);
  await clock.advance('7s');
  expect(faults.last?.ageMs).toBe(7_000);
  faults.written('produce_255436d8bdc5_000001');
  expect(faults.any).toBe(false);

  faults.refused('lease_255436d8bdc5_000000', error('53100'));
  faults.written('lease_one_255436d8bdc5_000000');
  expect(faults.any).toBe(false);
  faults.refused('lease_255436d8bdc5_000000', error('53100'));
  faults.written('produce_255436d8bdc5_000000');
  expect(faults.any).toBe(false);
});
