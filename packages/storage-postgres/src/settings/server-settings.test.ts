import { describe, expect, test } from 'vitest';
import { lastOfEach, settingsInOptions, toOptions, toStatement } from './server-settings.ts';

describe('settingsInOptions', () => {
  test.each([
    ['', []],
    ['-c geqo=off', [['geqo', 'off']]],
    [
      '-cgeqo=off  --work-mem=8MB',
      [
        ['geqo', 'off'],
        ['work_mem', '8MB'],
      ],
    ],
    ['-c search_path=a,\\ b\\\\c', [['search_path', 'a, b\\c']]],
    ['-c x.y=a=b', [['x.y', 'a=b']]],
    ['-c role=', [['role', '']]],
  ])('reads %j', (options, expected) => {
    expect(settingsInOptions(options)).toEqual(expected.map(([name, value]) => ({ name, value })));
  });

  test.each(['-S 8MB', '-c', '-c geqo', '-c =off', '-e', "-c a'b=c", '-d 5', '--=x'])(
    'refuses %j without quoting it',
    (options) => {
      const complaint = 'through a pooler options may hold nothing but settings, as -c name=value';
      expect(() => settingsInOptions(options)).toThrow(new Error(complaint));
    },
  );

  test('reads the output of toOptions', () => {
    const settings = [
      { name: 'search_path', value: 'a, "b c"' },
      { name: 'x.y', value: '\\ \t=' },
    ];
    expect(settingsInOptions(toOptions(settings))).toEqual(settings);
  });
});

test('the last value of a setting wins, whatever the case of its name', () => {
  const settings = settingsInOptions('-c DateStyle=German -c geqo=off -c datestyle=ISO');
  expect(lastOfEach(settings)).toEqual([
    { name: 'datestyle', value: 'ISO' },
    { name: 'geqo', value: 'off' },
  ]);
});

test('a value cannot end its own literal', () => {
  const settings = [
    { name: 'search_path', value: `a', false), pg_sleep(1` },
    { name: 'role', value: 'a\\' },
  ];
  expect(toStatement(settings, 'transaction')).toBe(
    `SELECT 1 WHERE concat(set_config('search_path', 'a'', false), pg_sleep(1', true), set_config('role', E'a\\\\', true)) IS NULL`,
  );
  expect(toStatement(settings.slice(1), 'session')).toContain(`E'a\\\\', false)`);
});
