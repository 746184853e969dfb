import { expect, test } from 'vitest';
import { BYTEA_OID, binaryArray, TEXT_OID } from './binary-array.ts';

test('has the layout that PostgreSQL expects', () => {
  expect(binaryArray(TEXT_OID, [Buffer.from('ab'), Buffer.from('')]).toString('hex')).toBe(
    ['00000001', '00000000', '00000019', '00000002', '00000001', '00000002', '6162', '00000000'].join(''),
  );
  expect(binaryArray(BYTEA_OID, []).readInt32BE(8)).toBe(BYTEA_OID);
});
