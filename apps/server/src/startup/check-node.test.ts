import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { checkNode, OLDEST_NODE } from './check-node.ts';

test('an older Node is refused, with both versions', () => {
  expect(() => checkNode('20.20.2')).toThrow('the server needs Node 22 or newer; this is Node 20.20.2');
  expect(() => checkNode('9.0.0')).toThrow('this is Node 9.0.0');
});

test.each(['22.0.0', '24.21.0', '100.0.0', process.versions.node])('Node %s is accepted', (version) => {
  expect(() => checkNode(version)).not.toThrow();
});

test('the oldest version is the one in package.json', () => {
  const { engines } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  expect(engines.node).toBe(`>=${OLDEST_NODE}`);
});
