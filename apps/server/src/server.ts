import { RunOnce } from '@querator/core';
import { type Composition, compose, type ServerDeps } from './compose.ts';
import type { Config } from './config/schema.ts';
import { adminTlsOf } from './config/tls-rules.ts';
import { logProcessLimits, mostOpenConnections } from './observability/process-limits.ts';
import { ResourceWatch, USAGE } from './observability/resource-watch.ts';
import { Listener, type ListenerOptions } from './startup/listener.ts';
import { logStorages } from './startup/storage-notices.ts';

/** The default number of connections that are served at a time, which is the reference's. Further ones wait. */
const MAX_CONNECTIONS = 1_000;

/** The number of connections that the operators' port serves at a time. They are not among the others. */
const ADMIN_CONNECTIONS = 100;

/** How long a process that stops still answers: clients may be about to send a request. */
const LINGER_MS = 500;

/** A server that accepts requests. */
export interface RunningServer {
  /** `http://host:port` or `https://host:port` of the listener, with the port that it got. */
  readonly url: string;
  /** The same of the operators' port. Undefined: there is none. */
  readonly adminUrl?: string;
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
  const common = {
    isShared: deps.worker !== undefined,
    open: resources.connections,
    clock: deps.clock,
    logger,
  };
  const listeners: Listener[] = [];
  const addListener = async (options: Pick<ListenerOptions, 'address' | 'tls' | 'http' | 'served'>) => {
    const listener = await Listener.create({ ...common, ...options });
    listeners.push(listener);
    return listener;
  };
  const { address, tls, 'admin-address': adminAddress } = config;
  const served = deps.maxConnections ?? MAX_CONNECTIONS;
  let main: Listener;
  let admin: Listener | undefined;
  try {
    main = await addListener({ address, tls, http: composition.http, served });
    if (adminAddress !== undefined) {
      admin = await addListener({
        address: adminAddress,
        tls: adminTlsOf(config),
        http: composition.operatorsHttp,
        served: ADMIN_CONNECTIONS,
      });
    }
    await composition.configuredQueues.create();
    for (const listener of listeners) await listener.start();
  } catch (error) {
    resources.stop();
    for (const listener of listeners) listener.abandon();
    await composition.stop();
    throw error;
  }
  logger.info('HTTP server started', { address: main.url, ...(admin && { adminAddress: admin.url }) });

  const stopping = new RunOnce(async () => {
    resources.stop();
    for (const listener of listeners) listener.beginStop();
    // The service comes first: running requests end with its answers.
    await composition.stop();
    const lingerMs = deps.ofProcess === true ? LINGER_MS : 0;
    await Promise.all(listeners.map((listener) => listener.endStop(lingerMs)));
    logger.info('HTTP server shut down');
  });
  const reload = async (changed: Config) => {
    await main.reload(changed.tls);
    await admin?.reload(adminTlsOf(changed));
  };
  return { url: main.url, ...(admin && { adminUrl: admin.url }), reload, stop: () => stopping.run() };
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
