import { RunOnce } from '@querator/core';
import { type Composition, compose, type ServerDeps } from './compose.ts';
import type { Config } from './config/schema.ts';
import { Drain } from './http/node/drain.ts';
import { createHttpServer } from './http/node/http-server.ts';
import { limitConnections } from './http/node/limit-connections.ts';
import { logProcessLimits, mostOpenConnections } from './observability/process-limits.ts';
import { ResourceWatch, USAGE } from './observability/resource-watch.ts';
import { listen, urlOf } from './startup/listen-address.ts';
import { logStorages } from './startup/storage-notices.ts';

/** Idle connections stay open this long. Closing one races with the client's next request on it. */
const KEEP_ALIVE_MS = 300_000;

/** The default number of connections that are served at a time, which is the reference's. Further ones wait. */
const MAX_CONNECTIONS = 1_000;
/** From the start of a connection to the end of its request, with the wait for a free place. */
const REQUEST_TIMEOUT_MS = 300_000;

/** How long a process that stops still answers: clients may be about to send a request. */
const LINGER_MS = 500;

/** A server that accepts requests. */
export interface RunningServer {
  /** `http://host:port` of the listener, with the port that it got. */
  readonly url: string;
  /**
   * Refuses new work, answers waiting requests, finishes running ones, closes
   * the listener, and closes the storages. A second call returns the promise
   * of the first.
   */
  stop(): Promise<void>;
}

/**
 * Starts a server with checked settings.
 *
 * @throws Error if it cannot listen on the address, or a queue of the
 *   configuration breaks a rule. Nothing runs then.
 */
export async function startServer(config: Config, deps: ServerDeps): Promise<RunningServer> {
  const { logger } = deps;
  const composition = compose(config, deps);
  logStorages(config, logger);
  const http = createHttpServer(composition.http);
  http.keepAliveTimeout = KEEP_ALIVE_MS;
  http.headersTimeout = REQUEST_TIMEOUT_MS;
  http.requestTimeout = REQUEST_TIMEOUT_MS;
  const drain = new Drain(http, deps.clock);
  const resources = watchResources(deps, composition);
  limitConnections(http, deps.maxConnections ?? MAX_CONNECTIONS, { open: resources.connections, logger });
  try {
    await composition.configuredQueues.create();
    await listen(http, config.address, deps.worker !== undefined);
  } catch (error) {
    resources.stop();
    await composition.stop();
    throw error;
  }
  const url = urlOf(http, config.address);
  logger.info('HTTP server started', { address: url });

  const stopping = new RunOnce(async () => {
    resources.stop();
    drain.begin();
    // The service comes first: running requests end with its answers.
    await composition.stop();
    await drain.end(deps.ofProcess === true ? LINGER_MS : 0);
    logger.info('HTTP server shut down');
  });
  return { url, stop: () => stopping.run() };
}

/** Watches the limits of the process, if it has only one server. */
function watchResources(
  { clock, logger, processLimits: limits, ...deps }: ServerDeps,
  { pools }: Composition,
) {
  if (limits === undefined) return { connections: undefined, stop: () => {} };
  const wanted = { connections: deps.maxConnections ?? MAX_CONNECTIONS, pools: pools() };
  logProcessLimits(logger, limits, wanted);
  const watch = new ResourceWatch({ clock, logger, limits, usage: USAGE });
  watch.start();
  return { connections: mostOpenConnections(limits, wanted), stop: () => watch.stop() };
}
