import { RunOnce } from '@querator/core';
import { type Composition, compose, type ServerDeps } from './compose.ts';
import type { Config } from './config/schema.ts';
import { logProcessLimits, mostOpenConnections } from './observability/process-limits.ts';
import { ResourceWatch, USAGE } from './observability/resource-watch.ts';
import { Listener } from './startup/listener.ts';
import { logStorages } from './startup/storage-notices.ts';

/** The default number of connections that are served at a time, which is the reference's. Further ones wait. */
const MAX_CONNECTIONS = 1_000;

/** How long a process that stops still answers: clients may be about to send a request. */
const LINGER_MS = 500;

/** A server that accepts requests. */
export interface RunningServer {
  /** `http://host:port` or `https://host:port` of the listener, with the port that it got. */
  readonly url: string;
  /** Applies the settings that may change while it runs: certificates. Never rejects. */
  reload(config: Config): Promise<void>;
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
  const resources = watchResources(deps, composition);
  let listener: Listener | undefined;
  try {
    listener = await Listener.create({
      address: config.address,
      tls: config.tls,
      http: composition.http,
      isShared: deps.worker !== undefined,
      served: deps.maxConnections ?? MAX_CONNECTIONS,
      open: resources.connections,
      clock: deps.clock,
      logger,
    });
    await composition.configuredQueues.create();
    await listener.start();
  } catch (error) {
    resources.stop();
    listener?.abandon();
    await composition.stop();
    throw error;
  }
  const { url } = listener;
  logger.info('HTTP server started', { address: url });

  const stopping = new RunOnce(async () => {
    resources.stop();
    listener.beginStop();
    // The service comes first: running requests end with its answers.
    await composition.stop();
    await listener.endStop(deps.ofProcess === true ? LINGER_MS : 0);
    logger.info('HTTP server shut down');
  });
  return { url, reload: ({ tls }) => listener.reload(tls), stop: () => stopping.run() };
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
