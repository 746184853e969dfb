import { Socket } from 'node:net';
import type { Clock } from '@querator/core';
import pg from 'pg';
import { demandChannelBinding } from './channel-binding.ts';
import { ConnectError, type ConnectFailure, combined, reasonOf } from './connect-error.ts';
import { Connection } from './connection.ts';
import type { ConnectionSettings } from './connection-string.ts';
import { type Host, hostName, isSocketFolder } from './host-list.ts';
import type { PoolerMode } from './pooler-mode.ts';
import { mayAdmitOtherwise, refusesOptions, refusesUser, sqlStateOf } from './postgres-error.ts';
import { toStatement } from './server-settings.ts';
import { connectionConfig, sessionOptions, sessionSettings, transactionSettings } from './session-options.ts';
import {
  isolationFault,
  mismatch,
  SESSION_STATE_QUERY,
  type SessionDemand,
  type SessionState,
  searches,
} from './session-target.ts';
import { TimeLimitError, withTimeLimit } from './time-limit.ts';
import type { TimeLimits } from './time-limits.ts';
import { type TlsAttempt, tlsAttempts } from './tls-settings.ts';

/** Longer than a request waits for a connection: one that comes late serves the next request. */
const ONE_HOST_TIMEOUT_MS = 10_000;
/** Shorter than that: a request lives to see the next host tried. */
const SEVERAL_HOSTS_TIMEOUT_MS = 2_000;
/** So that an idle connection through a firewall does not look dead, and a dead one is found out. */
const KEEP_ALIVE_DELAY_MS = 30_000;

/** Opens connections as a connection string says, one host after the other, as libpq does. */
export class Connector {
  readonly #settings: ConnectionSettings;
  readonly #clock: Clock;
  readonly #pooler: PoolerMode;

  /** @param deps `pooler` is told of what a connection gives away of one. */
  constructor(settings: ConnectionSettings, deps: { readonly clock: Clock; readonly pooler: PoolerMode }) {
    this.#settings = settings;
    this.#clock = deps.clock;
    this.#pooler = deps.pooler;
  }

  /**
   * Opens a connection to the first host that serves: it can be reached within
   * `connect_timeout`, and is what `target_session_attrs` asks for. As in
   * libpq a host that refuses the user ends the search.
   *
   * @param signal gives the attempt up.
   * @throws Error without the password; its `code` is the SQLSTATE of a server that refused.
   */
  async open(limits: TimeLimits, signal: AbortSignal): Promise<Connection> {
    const failures = new Map<Host, ConnectFailure>();
    for (const demand of searches(this.#settings.target)) {
      for (const host of this.#settings.hosts) {
        try {
          return await this.#openOn(host, demand, { limits, signal });
        } catch (error) {
          signal.throwIfAborted();
          failures.set(host, { host: hostName(host), error });
          if (refusesUser(error)) throw combined([...failures.values()]);
        }
      }
    }
    throw combined([...failures.values()]);
  }

  async #openOn(host: Host, demand: SessionDemand, rest: Attempt): Promise<Connection> {
    // libpq never encrypts a Unix socket.
    const [first = false, second] = isSocketFolder(host) ? [false] : await tlsAttempts(this.#settings.tls);
    try {
      return await this.#openOnce(host, demand, { ...rest, ssl: first });
    } catch (error) {
      if (second === undefined || !wantsOtherEncryption(error)) throw error;
      return await this.#openOnce(host, demand, { ...rest, ssl: second }).catch((other: unknown) => {
        throw bothWays(first, error, other);
      });
    }
  }

  /** Once more without settings where those that were sent are what was refused. */
  async #openOnce(host: Host, demand: SessionDemand, attempt: EncryptedAttempt): Promise<Connection> {
    const sent = this.#pooler.settle === 'at start';
    try {
      return await this.#tryOnce(host, demand, attempt);
    } catch (error) {
      if (!sent || !refusesOptions(error)) throw error;
      this.#pooler.found(reasonOf(error));
      return await this.#tryOnce(host, demand, attempt);
    }
  }

  async #tryOnce(
    host: Host,
    demand: SessionDemand,
    { limits, signal, ssl }: EncryptedAttempt,
  ): Promise<Connection> {
    signal.throwIfAborted();
    const socket = new Socket();
    const abort = () => socket.destroy();
    signal.addEventListener('abort', abort, { once: true });
    const ms = this.#timeoutMs;
    const message = `no answer within ${ms / 1_000} s`;
    try {
      const establishing = this.#establish(host, demand, { limits, ssl, socket });
      return await withTimeLimit(establishing, { ms, clock: this.#clock, message });
    } catch (error) {
      socket.destroy();
      throw error;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  get #timeoutMs(): number {
    const { connectTimeoutMs, hosts } = this.#settings;
    return connectTimeoutMs ?? (hosts.length > 1 ? SEVERAL_HOSTS_TIMEOUT_MS : ONE_HOST_TIMEOUT_MS);
  }

  async #establish(host: Host, demand: SessionDemand, { limits, ssl, socket }: Channel): Promise<Connection> {
    const { tls } = this.#settings;
    const { settle } = this.#pooler;
    const client = new pg.Client({
      ...(settle === 'at start'
        ? sessionOptions(this.#settings, limits, host)
        : connectionConfig(this.#settings, host)),
      ssl,
      stream: () => socket,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
      ...(ssl !== false && tls.direct ? { sslnegotiation: 'direct' as const } : {}),
      enableChannelBinding: ssl !== false && tls.channelBinding !== undefined,
    });
    // What goes wrong while it is being opened is thrown by `connect`.
    client.on('error', () => {});
    const refuse = (reason: Error) => void socket.destroy(reason);
    const checkBinding =
      tls.channelBinding === 'require' ? demandChannelBinding(client, refuse) : () => undefined;
    await client.connect();
    checkBinding();
    const connection = new Connection(client, { socket, clock: this.#clock, host: hostName(host) });
    try {
      const state = await this.#settle(connection, limits, settle);
      const reason = mismatch(demand, state);
      if (reason !== undefined) throw new ConnectError(reason);
    } catch (error) {
      await connection.close();
      throw error;
    }
    return connection;
  }

  /** Sees to it that settings are in force, or can be; and asks what else there is to know. */
  async #settle(
    connection: Connection,
    limits: TimeLimits,
    how: PoolerMode['settle'],
  ): Promise<SessionState> {
    if (how === 'in transactions') return await this.#tryTransaction(connection, limits);
    if (how === 'by statement') {
      const text = toStatement(sessionSettings(this.#settings, limits), 'session');
      await connection.query({ text });
    }
    const state = await stateOf(connection);
    if (state.settled) return state;
    this.#pooler.found('the settings of a session are not in force');
    return await this.#tryTransaction(connection, limits);
  }

  /**
   * What would go wrong in each request goes wrong here: settings that only a
   * session can have, and a pooler that tears a statement from its settings.
   */
  async #tryTransaction(connection: Connection, limits: TimeLimits): Promise<SessionState> {
    const settings = toStatement(transactionSettings(this.#settings, limits), 'transaction');
    const state = await stateOf(connection, settings);
    if (!state.settled) throw new ConnectError(TORN_APART);
    const fault = isolationFault(state);
    if (fault !== undefined) throw new ConnectError(fault);
    return state;
  }
}

const TORN_APART =
  'something on the way to the server ends a transaction in the middle, so that no setting can be made in it; ' +
  'where it keeps a session for each connection, say pooler=session in the connection string';

async function stateOf(connection: Connection, settings?: string): Promise<SessionState> {
  const { rows } = await connection.query({ text: SESSION_STATE_QUERY }, settings);
  return rows[0] as SessionState;
}

/** What a connection is opened over. */
interface Channel {
  readonly limits: TimeLimits;
  readonly ssl: TlsAttempt;
  readonly socket: Socket;
}

interface Attempt {
  readonly limits: TimeLimits;
  readonly signal: AbortSignal;
}

interface EncryptedAttempt extends Attempt {
  readonly ssl: TlsAttempt;
}

/**
 * Whether the other way, encrypted or not, may do: the server has no TLS, the
 * two find no common ground, or its access rules refuse this kind of connection.
 */
function wantsOtherEncryption(error: unknown): boolean {
  const sqlState = sqlStateOf(error);
  if (sqlState !== undefined) return mayAdmitOtherwise(sqlState);
  if (!(error instanceof Error) || error instanceof TimeLimitError) return false;
  if (error instanceof ConnectError || error instanceof AggregateError) return false;
  const syscall = 'syscall' in error ? error.syscall : undefined;
  return syscall !== 'connect' && syscall !== 'getaddrinfo';
}

const NO_TLS = 'The server does not support SSL connections';

/** What to throw when neither way led in. */
function bothWays(first: TlsAttempt, error: unknown, other: unknown): unknown {
  if (reasonOf(error) === NO_TLS) return other;
  if (reasonOf(other) === NO_TLS) return error;
  const way = first === false ? 'encrypted' : 'unencrypted';
  return new ConnectError(`${reasonOf(error)}; ${way}: ${reasonOf(other)}`, sqlStateOf(other));
}
