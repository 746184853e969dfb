import { SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { parseConfig, type RunningServer, startServer } from '@querator/server';

/** Starts a server on memory storage, on a free port. */
export function startTestServer(settings: object = {}): Promise<RunningServer> {
  const config = parseConfig(JSON.stringify({ address: '127.0.0.1:0', ...settings }));
  return startServer(config, {
    clock: new SystemClock(),
    random: new SystemRandom(),
    logger: silentLogger,
  });
}
