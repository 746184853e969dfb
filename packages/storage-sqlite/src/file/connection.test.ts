import { expect, test } from 'vitest';
import { Connection } from './connection.ts';

test('numbered values are bound by their numbers, however often and in whatever order', () => {
  const connection = new Connection(':memory:');
  expect(connection.get('select ?2 as a, ?1 as b, ?2 as c', 'one', 2n)).toEqual({ a: 2n, b: 'one', c: 2n });
  expect(connection.all('select ? as a, ? as b', 'one', 2n)).toEqual([{ a: 'one', b: 2n }]);
  connection.close();
});
