import { freePort } from '@querator/tooling-processes';
import { expect, test } from 'vitest';
import { ServerProgram } from '../support/server-program.ts';
import { Collector } from './support/collector.ts';
import { startTraced } from './support/traced-server.ts';

test('a collector that is down or never answers holds up neither calls nor the stop', async () => {
  const env = {
    ...{ OTEL_EXPORTER_OTLP_TIMEOUT: '300', OTEL_BSP_EXPORT_TIMEOUT: '400' },
    ...{ OTEL_BSP_MAX_QUEUE_SIZE: '10', OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '5' },
  };
  for (const status of [undefined, 503, 400] as const) {
    const { server, collector } = await startTraced('memory', env);
    collector.status = status;
    await server.createQueue('q');
    for (let n = 0; n < 40; n++) {
      const call = { queue_name: 'q', request_timeout: '5s', items: [{ utf8: 'x' }] };
      expect((await server.post('/v1/queue.produce', call)).status).toBe(200);
    }
    await expect
      .poll(async () => (await fetch(`${server.url}/metrics`)).text())
      .toMatch(/querator_spans_total\{outcome="failed"\} [1-9]/);
    await server.stop();
    expect(collector.spans).toEqual([]);
    await server.dispose();
    await collector.stop();
  }
});

test('the program takes its variables, and says which one is wrong', async () => {
  const collector = await Collector.start();
  const address = `127.0.0.1:${await freePort()}`;
  const env = { OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint };
  const program = new ServerProgram(['--address', address], undefined, env);
  const faulty = new ServerProgram(['--address', address], undefined, {
    ...{ OTEL_TRACES_EXPORTER: 'otlp', OTEL_TRACES_SAMPLER: 'parentbased_traceidratio' },
    OTEL_TRACES_SAMPLER_ARG: '1%',
  });
  await program.untilLogged('HTTP server started');
  await fetch(`http://${address}/v1/queues.list`, {
    ...{ method: 'POST', body: '{}', headers: { 'Content-Type': 'application/json' } },
  });
  program.child.kill('SIGTERM');
  // The stop sends what waits, long before the delay of a batch is over.
  expect(await program.ended()).toBe(0);
  expect(collector.named('POST /v1/queues.list')).toHaveLength(1);
  expect(await faulty.ended()).toBe(1);
  expect(faulty.output).toContain(
    'environment variable OTEL_TRACES_SAMPLER_ARG: expected a number from 0 to 1',
  );
  await collector.stop();
});
