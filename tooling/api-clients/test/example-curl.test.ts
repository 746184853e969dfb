import { expect, test } from 'vitest';
import { inClone } from './support/clone.ts';
import { runExample } from './support/run-example.ts';

test('the example for curl produces, leases and completes', async () => {
  const output = await runExample('curl', ['bash', inClone('examples/curl/produce-lease-complete.sh')]);
  expect(output.split('\n')).toEqual([
    'queues.create: {"code":200}',
    expect.stringMatching(/^queue\.produce: \{"items":\[\{"id":"\w{27}"\}\]\}$/),
    expect.stringMatching(/^queue\.lease: \{.*"kind":"greeting".*\}$/),
    'payload: hello',
    expect.stringMatching(/^queue\.complete: \{"items":\[\{"id":"\w{27}"\}\]\}$/),
    '',
  ]);
});
