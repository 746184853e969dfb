import { expect, test } from 'vitest';
import { ConnectError } from '../errors/connect-error.ts';
import { preparedElsewhere, refusesOptions } from '../errors/postgres-error.ts';
import type { PoolerSetting } from '../settings/pooler-setting.ts';
import { PoolerMode } from './pooler-mode.ts';

function mode(setting: PoolerSetting) {
  const said: string[] = [];
  let found = 0;
  const ignore = () => {};
  const warn = (_: string, fields?: Readonly<Record<string, unknown>>) =>
    said.push(String(fields?.['reason']));
  const logger = { debug: ignore, info: ignore, warn, error: ignore };
  const onDetected = () => {
    found++;
  };
  return { pooler: new PoolerMode(setting, { logger, target: 'h/d', onDetected }), said, times: () => found };
}

test.each([
  ['auto', 'at start', true],
  ['session', 'by statement', true],
  ['transaction', 'in transactions', false],
] as const)('with pooler=%s the session settings come %s', (setting, settingsMode, keepsSessions) => {
  expect(mode(setting).pooler).toMatchObject({ settingsMode, keepsSessions });
});

test.each(['auto', 'session'] as const)(
  'with pooler=%s the detection of a pooler is reported once and stays in force',
  (setting) => {
    const { pooler, said, times } = mode(setting);
    pooler.detected('first');
    pooler.detected('second');
    expect(pooler).toMatchObject({ settingsMode: 'in transactions', keepsSessions: false });
    expect(said).toEqual(['first']);
    expect(times()).toBe(1);
  },
);

test('a pooler that the configuration names is not reported as detected', () => {
  const { pooler, said, times } = mode('transaction');
  pooler.detected('first');
  expect([said, times()]).toEqual([[], 0]);
});

test.each([
  [new ConnectError('unsupported startup parameter: options', '08P01'), true],
  [new ConnectError('unsupported startup parameter in options: jit', '08P01'), true],
  [new ConnectError('server conn crashed?', '08P01'), false],
  [new ConnectError('unsupported startup parameter: options', '28000'), false],
  [new Error('unsupported startup parameter: options'), false],
  [undefined, false],
])('refusesOptions recognises refused session settings: %s', (error, refused) => {
  expect(refusesOptions(error)).toBe(refused);
});

test.each([
  ['26000', true],
  ['42P05', true],
  ['42P01', false],
  [undefined, false],
])('preparedElsewhere recognises SQLSTATE %s of another session', (sqlState, elsewhere) => {
  expect(preparedElsewhere(sqlState)).toBe(elsewhere);
});
