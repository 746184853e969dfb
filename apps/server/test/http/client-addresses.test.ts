import { expect, test } from 'vitest';
import { isNetwork } from '../../src/config/network.ts';
import { ClientAddresses } from '../../src/http/call/client-addresses.ts';

const addresses = new ClientAddresses(['10.0.0.0/8', '192.0.2.7', 'fd00::/8']);

test.each([
  ['no header', '10.0.0.1', undefined, '10.0.0.1'],
  ['a sender that is no trusted proxy', '198.51.100.1', '203.0.113.9', '198.51.100.1'],
  ['a trusted proxy', '10.0.0.1', '203.0.113.9', '203.0.113.9'],
  ['an IPv4 address in IPv6 form', '::ffff:10.0.0.1', '203.0.113.9', '203.0.113.9'],
  ['a proxy on IPv6', 'fd00::1', '2001:db8::1', '2001:db8::1'],
  ['addresses that the client invented', '10.0.0.1', '1.1.1.1, 203.0.113.9', '203.0.113.9'],
  ['several trusted proxies', '10.0.0.1', '203.0.113.9, 192.0.2.7,10.9.9.9', '203.0.113.9'],
  ['only trusted proxies', '10.0.0.1', '192.0.2.7', '192.0.2.7'],
  ['ports', '10.0.0.1', '203.0.113.9:4711', '203.0.113.9'],
  ['a port after IPv6', '10.0.0.1', '[2001:db8::1]:4711', '2001:db8::1'],
  ['an entry that is no address', '10.0.0.1', '203.0.113.9, unknown', '10.0.0.1'],
  ['an empty header', '10.0.0.1', '', '10.0.0.1'],
  ['more hops than are read', '10.0.0.1', `203.0.113.9${', 10.0.0.2'.repeat(20)}`, '10.0.0.2'],
])('the address of a client with %s', (_, address, forwardedFor, expected) => {
  expect(addresses.of({ address, forwardedFor })).toBe(expected);
});

test('without trusted proxies nobody is believed', () => {
  const none = new ClientAddresses([]);
  expect(none.of({ address: '127.0.0.1', forwardedFor: '203.0.113.9' })).toBe('127.0.0.1');
});

test.each([
  ['10.0.0.0/8', true],
  ['::1', true],
  ['fd00::/8', true],
  ['10.0.0.0/33', false],
  ['10.0.0.0/', false],
  ['10.0.0.0/8/8', false],
  ['proxy.example', false],
  ['', false],
])('%j is a network: %s', (text, expected) => {
  expect(isNetwork(text)).toBe(expected);
});
