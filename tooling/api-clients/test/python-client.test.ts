import process from 'node:process';
import { mustRun } from '@querator/tooling-processes';
import { expect, test } from 'vitest';
import { startTestServer } from '../src/test-server.ts';
import { inClone, pythonProgram, testFolder } from './support/clone.ts';

test('a generated Python client produces, leases and completes', async () => {
  const folder = testFolder('python-client');
  const env = { ...process.env, PATH: `${pythonProgram('')}:${process.env['PATH']}`, PYTHONPATH: folder };
  const python = inClone('tooling/api-clients/python');
  const generated = ['--output-path', `${folder}/querator_api`, '--meta', 'none'];
  const source = [
    '--path',
    inClone('packages/protocol/gen/openapi.json'),
    '--config',
    `${python}/generator.yaml`,
  ];
  await mustRun(pythonProgram('openapi-python-client'), ['generate', ...source, ...generated], { env });

  const server = await startTestServer();
  try {
    const program = `${python}/produce_lease_complete.py`;
    const output = await mustRun(pythonProgram('python'), [program, server.url], { env });
    expect(JSON.parse(output)).toEqual({
      created: 200,
      same_ids: true,
      payloads: ['one', 'two'],
      metadata: { from: 'models' },
      failed: [],
      reason: 'no_such_queue',
    });
  } finally {
    await server.stop();
  }
});
