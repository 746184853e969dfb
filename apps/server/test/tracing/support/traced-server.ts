import { type Logger, SystemClock, silentLogger } from '@querator/core';
import { createTracing, readTraceSettings, type Tracing } from '../../../src/index.ts';
import { type StorageName, TestServer } from '../../support/test-server.ts';
import { Collector } from './collector.ts';

/** The variables of a server that records every call. */
const EVERY_CALL = { OTEL_TRACES_EXPORTER: 'otlp', OTEL_BSP_SCHEDULE_DELAY: '20' };

/** Tracing as the environment of a process sets it. */
async function tracingOf(env: Record<string, string>, logger: Logger = silentLogger): Promise<Tracing> {
  const settings = readTraceSettings(env);
  if (settings === undefined) throw new Error('tracing is off');
  return createTracing(settings, { clock: new SystemClock(), logger });
}

/** Tracing that records every call. */
export function tracingTo({ endpoint }: Collector): Promise<Tracing> {
  return tracingOf({ ...EVERY_CALL, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint });
}

/** A server that sends its traces to a collector of its own. */
export async function startTraced(
  storage: StorageName,
  env: Record<string, string> = {},
  { settings = {}, logger = silentLogger }: { readonly settings?: object; readonly logger?: Logger } = {},
): Promise<{ readonly server: TestServer; readonly collector: Collector }> {
  const collector = await Collector.start();
  const all = { ...EVERY_CALL, OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, ...env };
  const server = new TestServer(settings, logger, { tracing: await tracingOf(all, logger) });
  await server.start(storage);
  return { server, collector };
}
