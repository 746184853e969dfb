import process from 'node:process';
import { mustRun, runProgram } from '@querator/tooling-processes';
import { expect, test } from 'vitest';
import { startTestServer } from '../src/test-server.ts';
import { inClone, pythonProgram, testFolder } from './support/clone.ts';

const KEY = `qtr-ci-${'b'.repeat(43)}`;
const isShort = process.env['QUERATOR_TEST_SHORT'] === '1';
const PYTHON = inClone('tooling/api-clients/python');

/** Runs the tool against a server. It prints the number of requests that it has generated. */
async function check(url: string, args: readonly string[]): Promise<number> {
  const env = { ...process.env, PYTHONPATH: PYTHON, PYTHONDONTWRITEBYTECODE: '1' };
  const config = ['--config-file', `${PYTHON}/schemathesis.toml`, '--no-color'];
  const common = [
    '--generation-deterministic',
    '--request-timeout',
    '60',
    '--workers',
    '4',
    '--warnings',
    'off',
  ];
  const { code, output } = await runProgram(
    pythonProgram('schemathesis'),
    [...config, 'run', `${url}/openapi.json`, ...common, '--continue-on-failure', ...args],
    { env, cwd: testFolder('schemathesis') },
  );
  expect(output).not.toContain('FAILURES');
  expect(code, output).toBe(0);
  return Number(/(\d+) generated/.exec(output)?.[1]);
}

test('no reply breaks the document, and no request that it forbids is accepted', async () => {
  const phases = isShort ? 'examples,coverage' : 'examples,coverage,fuzzing,stateful';
  const server = await startTestServer({ audit: { table: true }, quotas: {} });
  try {
    expect(await check(server.url, ['--phases', phases, '--max-examples', '20'])).toBeGreaterThan(3_000);
  } finally {
    await server.stop();
  }
});

test('nor with access control, with the key of an administrator', async () => {
  const server = await startTestServer({ 'auth-backend': { driver: 'internal', 'admin-key': KEY } });
  try {
    const args = ['--phases', 'examples', '--header', `Authorization: Bearer ${KEY}`];
    expect(await check(server.url, args)).toBeGreaterThan(60);
  } finally {
    await server.stop();
  }
});

test('the tool notices a reply that breaks the document', async () => {
  const server = await startTestServer();
  try {
    const folder = testFolder('broken');
    const program = `import json, urllib.request
document = json.load(urllib.request.urlopen("${server.url}/openapi.json"))
document["components"]["schemas"]["V2ServerInfoResponse"]["properties"]["version"]["type"] = "integer"
json.dump(document, open("openapi.json", "w"))`;
    await mustRun(pythonProgram('python'), ['-c', program], { cwd: folder });
    const { code, output } = await runProgram(
      pythonProgram('schemathesis'),
      [
        '--no-color',
        'run',
        'openapi.json',
        '--url',
        server.url,
        '--include-path',
        '/v2/server.info',
        '--phases',
        'examples',
      ],
      { cwd: folder },
    );
    expect(output).toContain('Response violates schema');
    expect(code).toBe(1);
  } finally {
    await server.stop();
  }
});
