import { Socket } from 'node:net';
import { type Clock, type Logger, silentLogger } from '@querator/core';
import pg from 'pg';
import { ConnectError, type ConnectFailure, combined, reasonOf } from '../errors/connect-error.ts';
import { mayAdmitOtherwise, refusesOptions, refusesUser, sqlStateOf } from '../errors/postgres-error.ts';
import { TimeLimitError, withTimeLimit } from '../errors/time-limit.ts';
import type { ConnectionSettings } from '../settings/connection-string.ts';
import { type Host, isSocketFolder } from '../settings/host-list.ts';
import type { PasswordTarget } from '../settings/pass-file.ts';
import { toSafeStatement } from '../settings/server-settings.ts';
import type { TimeLimits } from '../settings/time-limits.ts';
import { MessageLimits } from '../wire/message-limits.ts';
import { RowStream } from '../wire/row-stream.ts';
import { demandChannelBinding } from './channel-binding.ts';
import { Connection } from './connection.ts';
import { type Place, placeName, placesOf, servedFirst } from './host-places.ts';
import { type PasswordFunction, Passwords } from './passwords.ts';
import type { PoolerMode } from './pooler-mode.ts';
import { connectionConfig, sessionOptions, sessionSettings, transactionSettings } from './session-options.ts';
import {
  isolationFault,
  mismatch,
  SESSION_STATE_QUERY,
  type SessionDemand,
  type SessionState,
  searches,
} from './session-state.ts';
import { type TlsAttempt, type TlsDeps, tlsAttempts, tlsDeps } from './tls-attempts.ts';
import { watchAuthentication } from './watch-authentication.ts';

/** Longer than a request waits for a connection: one that opens late serves the next request. */
const ONE_HOST_TIMEOUT_MS = 10_000;
/** Short enough that the next host is tried before a waiting request times out. */
const SEVERAL_HOSTS_TIMEOUT_MS = 2_000;
/** Keeps firewalls from cutting idle connections, and reveals dead ones. */
const KEEP_ALIVE_DELAY_MS = 30_000;

/** Opens connections to the hosts of a connection string, in order, as libpq does. */
export class Connector {
  #settings: ConnectionSettings;
  readonly #clock: Clock;
  readonly #pooler: PoolerMode;
  /** Whether a server refused a write although the string allows read-only servers. */
  #avoidsReadOnly = false;
  /** Where the last connection was opened. */
  #served: Place | undefined;

  readonly #logger: Logger;
  readonly #tlsDeps: TlsDeps;
  readonly #passwords: Passwords;
  #warnedOfClearText = false;

  /** @param deps `pooler` is notified when a connection reveals a pooler. */
  constructor(
    settings: ConnectionSettings,
    deps: {
      readonly clock: Clock;
      readonly pooler: PoolerMode;
      readonly logger?: Logger;
      readonly tls?: TlsDeps;
      readonly password?: PasswordFunction | undefined;
    },
  ) {
    this.#settings = settings;
    this.#clock = deps.clock;
    this.#pooler = deps.pooler;
    this.#logger = deps.logger ?? silentLogger;
    this.#tlsDeps = deps.tls ?? tlsDeps();
    this.#passwords = new Passwords(settings, deps);
  }

  /** Uses other passwords for further connections. @param settings the same ones besides. */
  renewPasswords(settings: ConnectionSettings): void {
    this.#settings = settings;
    this.#passwords.renew(settings);
  }

  /**
   * Opens a connection to the first host that can be reached within `connect_timeout`
   * and matches `target_session_attrs`.
   *
   * As in libpq, a host that refuses the user ends the search. A search for the
   * primary starts with the host that served last. That saves the time for dead hosts.
   * It also avoids an old primary that returns and still acts as one.
   *
   * @param signal aborts the attempt.
   * @throws Error without the password. Its `code` is the SQLSTATE if a server
   *   refused.
   */
  async open(limits: TimeLimits, signal: AbortSignal): Promise<Connection> {
    const failures = new Map<string, unknown>();
    for (const demand of this.#searches()) {
      for (const host of this.#hostsInOrder(demand)) {
        const found = await this.#placesOf(host, demand).catch((error: unknown) => {
          failures.set(placeName({ host }), error);
          return [];
        });
        const ms = this.#timeoutMs(found.length);
        for (const place of found) {
          try {
            const connection = await this.#openOn(place, demand, { limits, signal, ms });
            this.#served = place;
            return connection;
          } catch (error) {
            signal.throwIfAborted();
            failures.set(placeName(place), error);
            if (refusesUser(error)) throw combined(listed(failures));
          }
        }
      }
    }
    throw combined(listed(failures));
  }

  /**
   * A server refused a write because it is read-only. From now on such servers are
   * skipped even if the string allows them. A proxy may lead to a standby for a while
   * after a failover. This finds out once per connection, not once per write.
   */
  avoidReadOnly(): void {
    this.#avoidsReadOnly = true;
  }

  #warnOfClearText(place: Place): void {
    if (this.#warnedOfClearText) return;
    this.#warnedOfClearText = true;
    this.#logger.warn('the password goes over the network in clear text, as require_auth=password allows', {
      host: placeName(place),
    });
  }

  #searches(): readonly SessionDemand[] {
    const { target } = this.#settings;
    return target === 'any' && this.#avoidsReadOnly ? ['read-write'] : searches(target);
  }

  #hostsInOrder(demand: SessionDemand): readonly Host[] {
    const { hosts } = this.#settings;
    const served = this.#served?.host;
    if (served === undefined || !seeksPrimary(demand)) return hosts;
    return [served, ...hosts.filter((host) => host !== served)];
  }

  async #placesOf(host: Host, demand: SessionDemand): Promise<readonly Place[]> {
    // If any server is accepted, Node picks the address that answers first.
    if (demand === 'any') return [{ host }];
    const ms = this.#timeoutMs(1);
    const message = `its name was not found within ${ms / 1_000} s`;
    const places = await withTimeLimit(placesOf(host), { ms, clock: this.#clock, message });
    return seeksPrimary(demand) ? servedFirst(places, this.#served) : places;
  }

  async #openOn(place: Place, demand: SessionDemand, rest: Attempt): Promise<Connection> {
    // libpq never encrypts a Unix socket.
    const { tls } = this.#settings;
    const [first = false, second] = isSocketFolder(place.host)
      ? [false]
      : await tlsAttempts(tls, this.#tlsDeps);
    try {
      return await this.#openOnce(place, demand, { ...rest, ssl: first });
    } catch (error) {
      if (second === undefined || !wantsOtherEncryption(error)) throw error;
      return await this.#openOnce(place, demand, { ...rest, ssl: second }).catch((other: unknown) => {
        throw bothWays(first, error, other);
      });
    }
  }

  /** Tries again without settings if the server refused those that were sent. */
  async #openOnce(place: Place, demand: SessionDemand, attempt: EncryptedAttempt): Promise<Connection> {
    const sent = this.#pooler.settingsMode === 'at start';
    try {
      return await this.#tryOnce(place, demand, attempt);
    } catch (error) {
      if (!sent || !refusesOptions(error)) throw error;
      this.#pooler.detected(reasonOf(error));
      return await this.#tryOnce(place, demand, attempt);
    }
  }

  async #tryOnce(
    place: Place,
    demand: SessionDemand,
    { limits, signal, ms, ssl }: EncryptedAttempt,
  ): Promise<Connection> {
    signal.throwIfAborted();
    const socket = new Socket();
    const abort = () => socket.destroy();
    signal.addEventListener('abort', abort, { once: true });
    const message = `no answer within ${ms / 1_000} s`;
    try {
      const establishing = this.#establish(place, demand, { limits, ssl, socket });
      return await withTimeLimit(establishing, { ms, clock: this.#clock, message });
    } catch (error) {
      socket.destroy();
      throw error;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  /** @param places the number of addresses of the next host. */
  #timeoutMs(places: number): number {
    const { connectTimeoutMs, hosts } = this.#settings;
    const several = hosts.length > 1 || places > 1;
    return connectTimeoutMs ?? (several ? SEVERAL_HOSTS_TIMEOUT_MS : ONE_HOST_TIMEOUT_MS);
  }

  async #establish(
    place: Place,
    demand: SessionDemand,
    { limits, ssl, socket }: Channel,
  ): Promise<Connection> {
    const { tls } = this.#settings;
    const { settingsMode } = this.#pooler;
    const { host, address } = place;
    const client: pg.Client = new pg.Client({
      ...(settingsMode === 'at start'
        ? sessionOptions(this.#settings, limits, host)
        : connectionConfig(this.#settings, host)),
      ...(address === undefined ? {} : { host: address }),
      // Without a function `pg` would read PGPASSWORD and the password file by rules of its own.
      password: () => this.#passwords.get(passwordTarget(client, host)),
      // The certificate has the host's name, not its address.
      ssl: ssl === false || address === undefined ? ssl : { ...ssl, servername: host.host ?? '' },
      stream: () => socket,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
      ...(ssl !== false && tls.direct ? { sslnegotiation: 'direct' as const } : {}),
      enableChannelBinding: ssl !== false && tls.channelBinding !== undefined,
    });
    const rowStream = RowStream.before(client, new MessageLimits());
    // `connect` throws errors that occur while the connection is being opened.
    client.on('error', () => {});
    const refuse = (reason: Error) => void socket.destroy(reason);
    const checkBinding =
      tls.channelBinding === 'require' ? demandChannelBinding(client, refuse) : () => undefined;
    const { requiredAuth } = this.#settings;
    const checkAuthentication = watchAuthentication(client, {
      required: requiredAuth,
      encrypted: ssl !== false,
      socket,
      refuse,
      onClearText: () => this.#warnOfClearText(place),
    });
    await client.connect();
    checkBinding();
    checkAuthentication();
    const connection = new Connection(client, {
      rowStream,
      socket,
      clock: this.#clock,
      host: placeName(place),
    });
    try {
      const state = await this.#applySettings(connection, limits, settingsMode);
      const reason = mismatch(demand, state);
      if (reason !== undefined) throw new ConnectError(reason);
    } catch (error) {
      await connection.close();
      throw error;
    }
    return connection;
  }

  /**
   * Puts the session's settings into force, or checks that transactions can, and reads
   * the session's state.
   */
  async #applySettings(
    connection: Connection,
    limits: TimeLimits,
    how: PoolerMode['settingsMode'],
  ): Promise<SessionState> {
    if (how === 'in transactions') return await this.#tryTransaction(connection, limits);
    if (how === 'by statement') {
      const text = toSafeStatement(sessionSettings(this.#settings, limits), 'session');
      await connection.query({ text });
    }
    const state = await stateOf(connection);
    if (state.settingsApplied) return state;
    this.#pooler.detected('the settings of a session are not in force');
    return await this.#tryTransaction(connection, limits);
  }

  /**
   * Finds faults that would otherwise fail each request. These are settings that only
   * a session can have, and a pooler that separates a statement from its settings.
   */
  async #tryTransaction(connection: Connection, limits: TimeLimits): Promise<SessionState> {
    const settings = toSafeStatement(transactionSettings(this.#settings, limits), 'transaction');
    const state = await stateOf(connection, settings);
    if (!state.settingsApplied) throw new ConnectError(TORN_APART);
    const fault = isolationFault(state);
    if (fault !== undefined) throw new ConnectError(fault);
    return state;
  }
}

const TORN_APART =
  'something on the way to the server ends a transaction in the middle, so that no setting can be made in it; ' +
  'where it keeps a session for each connection, say pooler=session in the connection string';

async function stateOf(connection: Connection, settings?: string): Promise<SessionState> {
  const [state] = await connection.query(
    { text: SESSION_STATE_QUERY },
    { before: settings === undefined ? [] : [settings] },
  );
  return state as SessionState;
}

/** What a password file is searched for: names and defaults as the client uses them, and no address of a name. */
function passwordTarget(client: pg.Client, { host = client.host }: Host): PasswordTarget {
  const { port, user = '', database = '' } = client;
  return { host, port, user, database };
}

/** How a connection is opened. */
interface Channel {
  readonly limits: TimeLimits;
  readonly ssl: TlsAttempt;
  readonly socket: Socket;
}

interface Attempt {
  readonly limits: TimeLimits;
  readonly signal: AbortSignal;
  /** The time limit of the attempt. */
  readonly ms: number;
}

/** Only one member of a replicated database is accepted. */
function seeksPrimary(demand: SessionDemand): boolean {
  return demand === 'read-write' || demand === 'primary';
}

function listed(failures: ReadonlyMap<string, unknown>): readonly ConnectFailure[] {
  return [...failures].map(([host, error]) => ({ host, error }));
}

interface EncryptedAttempt extends Attempt {
  readonly ssl: TlsAttempt;
}

/**
 * Whether the other way, encrypted or not, may succeed. It may if the server has no
 * TLS, if the TLS handshake failed, or if `pg_hba.conf` refuses this kind of
 * connection.
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

/** The error to throw if both ways failed. */
function bothWays(first: TlsAttempt, error: unknown, other: unknown): unknown {
  if (reasonOf(error) === NO_TLS) return other;
  if (reasonOf(other) === NO_TLS) return error;
  const way = first === false ? 'encrypted' : 'unencrypted';
  return new ConnectError(`${reasonOf(error)}; ${way}: ${reasonOf(other)}`, sqlStateOf(other));
}
