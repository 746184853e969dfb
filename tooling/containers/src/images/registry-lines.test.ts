import { expect, it } from 'vitest';
import { registryLines } from './registry-lines.ts';

it('keeps the lines that name registries, and no settings of this machine', () => {
  const text = [
    'registry=https://packages.example/npm/',
    '@ours:registry = https://ours.example/',
    '//packages.example/npm/:_authToken=secret',
    'https-proxy=http://proxy.example:3128',
    'cafile=/etc/ssl/certs/ca-certificates.crt',
    'prefix=/root/.npm',
    '; registry=https://commented.example/',
  ];
  expect(registryLines([text.join('\n')], {})).toEqual(text.slice(0, 4));
});

it('fills in variables of the environment, and leaves unknown ones', () => {
  const text = `//packages.example/:_authToken=\${TOKEN}\r\n//other.example/:_authToken=\${NONE}\r\n`;
  expect(registryLines([text], { TOKEN: 'secret' })).toEqual([
    '//packages.example/:_authToken=secret',
    `//other.example/:_authToken=\${NONE}`,
  ]);
});

it('puts the registry of the environment last, so that it applies', () => {
  const env = { npm_config_registry: 'https://env.example/' };
  expect(registryLines(['registry=https://file.example/'], env)).toEqual([
    'registry=https://file.example/',
    'registry=https://env.example/',
  ]);
});
