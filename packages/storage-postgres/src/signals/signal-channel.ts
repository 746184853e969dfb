import type { CancelTimer, Clock, Logger, Random, StorageSignals } from '@querator/core';
import type { Connection } from '../connection/connection.ts';
import { reasonOf } from '../errors/connect-error.ts';
import { withTimeLimit } from '../errors/time-limit.ts';
import { decode, encode, NAME_LENGTH, TOPICS_PER_MESSAGE, topicCode } from './message.ts';
import { Peers } from './peers.ts';

const CHANNEL = 'querator';

/** The least time between two notifications: what comes in between goes out together. */
const FLUSH_INTERVAL_MS = 20;
/** How often a process says that it is there, and finds out whether its connection is. */
const BEAT_INTERVAL_MS = 10_000;
/** How long a statement, or the own notification, may take. */
const ANSWER_LIMIT_MS = 3_000;
/** How long to wait for a place in the pool. */
const ACQUIRE_LIMIT_MS = 3_000;
/** Pauses between attempts to listen: the first, and the longest. */
const RETRY_MS = { first: 500, longest: 15_000 } as const;
/** The pause where notifications do not arrive: somebody may put the pooler right. */
const DEAF_RETRY_MS = 300_000;

/** Whoever may connect can say hello as often as they like. */
const MOST_ANSWERS_OWED = 50;

/** Where the one connection comes from. */
export interface ConnectionSource {
  /** The most connections there may be. One cannot be spared from a pool of one. */
  readonly maxConns: number;
  /** Whether a session is kept for as long as a connection is open; without, nobody listens. */
  readonly keepsSessions: boolean;
  acquire(limitMs: number): Promise<Connection>;
  release(connection: Connection, broken: boolean): void;
}

/** What a channel works with. */
export interface SignalChannelDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: Random;
  readonly source: ConnectionSource;
  /** How the log names the servers. */
  readonly target: string;
}

/**
 * Signals over LISTEN and NOTIFY, on one connection for the whole process.
 *
 * NOTIFY is a statement of its own, never part of a produce: it makes commits
 * wait for each other. It is sent only while other processes are known to
 * listen, so a server that is alone pays nothing for it.
 *
 * Whether notifications really arrive is tried, not assumed: a pooler in
 * transaction mode takes a LISTEN and forgets it. The trial goes out on another
 * connection, while this one does nothing: a pooler may well give two
 * statements in a row the same session, and then one hears oneself by chance.
 */
export class SignalChannel implements StorageSignals {
  readonly #deps: SignalChannelDeps;
  readonly #name: string;
  readonly #watchers = new Map<string, Set<() => void>>();
  readonly #peers: Peers;
  /** Topics to tell, the latest last. */
  readonly #pending = new Set<string>();
  #connection: Connection | undefined;
  #running: Promise<void> | undefined;
  #closed = false;
  /** Ends whatever the channel is waiting for. */
  #interrupt: () => void = () => {};
  #cancelFlush: CancelTimer | undefined;
  #flushing = false;
  #answering = false;
  #answersOwed = 0;

  constructor(deps: SignalChannelDeps) {
    this.#deps = deps;
    this.#name = deps.random.base62(NAME_LENGTH);
    this.#peers = new Peers(deps.clock, 3.5 * BEAT_INTERVAL_MS);
  }

  get listening(): boolean {
    return this.#connection !== undefined;
  }

  publish(topic: string): void {
    if (this.#closed) return;
    // One who watches nothing may have something to tell all the same.
    this.#running ??= this.#run();
    this.#keep([topic]);
    this.#flushSoon();
  }

  subscribe(topic: string, onChange: () => void): () => void {
    const code = topicCode(topic);
    const watchers = this.#watchers.get(code) ?? new Set();
    // Each call is one of its own, though the function may be the same.
    const watcher = () => onChange();
    watchers.add(watcher);
    this.#watchers.set(code, watchers);
    if (!this.#closed) this.#running ??= this.#run();
    return () => {
      watchers.delete(watcher);
      if (watchers.size === 0 && this.#watchers.get(code) === watchers) this.#watchers.delete(code);
    };
  }

  /** Gives the connection back. Twice is once. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#interrupt();
    await this.#running;
  }

  async #run(): Promise<void> {
    let pauseMs: number = RETRY_MS.first;
    while (!this.#closed) {
      const began = this.#deps.clock.now();
      const heardItself = await this.#listenOnce();
      if (heardItself === 'deaf') pauseMs = DEAF_RETRY_MS;
      // It worked for a while: the next attempt need not wait long.
      else if (this.#deps.clock.now() - began > RETRY_MS.longest * 1_000) pauseMs = RETRY_MS.first;
      await this.#pause(pauseMs * (0.75 + this.#deps.random.fraction() / 2));
      pauseMs = Math.min(pauseMs * 2, RETRY_MS.longest);
    }
  }

  /** Listens until the connection is lost, or the channel is closed. Never rejects. */
  async #listenOnce(): Promise<'ended' | 'deaf'> {
    const { source, logger, target } = this.#deps;
    if (!this.#mayListen) return 'deaf';
    let connection: Connection | undefined;
    try {
      connection = await source.acquire(ACQUIRE_LIMIT_MS);
      if (this.#closed) return 'ended';
      // Opening it may have shown what is in between.
      if (!this.#mayListen) return 'deaf';
      const isHeard = await this.#begin(connection);
      if (!isHeard) {
        logger.info('notifications of PostgreSQL do not arrive; looking for changes instead', { target });
        // Somebody else may get the session.
        await this.#query(connection, 'UNLISTEN *');
        return 'deaf';
      }
      this.#connection = connection;
      logger.debug('listening for other processes', { target });
      this.#wakeAll();
      this.#flushSoon();
      await this.#stayOn(connection);
    } catch (error) {
      logger.debug('not listening for other processes', { target, reason: reasonOf(error) });
    } finally {
      this.#connection = undefined;
      this.#cancelFlush?.();
      this.#cancelFlush = undefined;
      if (connection !== undefined) {
        connection.onNotification = () => {};
        // Closed rather than used for statements: it still listens.
        source.release(connection, true);
      }
    }
    return 'ended';
  }

  /** @returns whether the process hears what it says itself. */
  async #begin(connection: Connection): Promise<boolean> {
    let heardItself: () => void = () => {};
    const heard = new Promise<void>((resolve) => {
      heardItself = resolve;
    });
    connection.onNotification = (payload) => {
      const message = decode(payload);
      if (message?.from === this.#name) heardItself();
      else if (message !== undefined) this.#hear(message);
    };
    await this.#query(connection, `LISTEN ${CHANNEL}`);
    await this.#sayHello();
    return await this.#limit(heard, ANSWER_LIMIT_MS).then(
      () => true,
      () => false,
    );
  }

  get #mayListen(): boolean {
    const { maxConns, keepsSessions } = this.#deps.source;
    return maxConns >= 2 && keepsSessions;
  }

  async #sayHello(): Promise<void> {
    const { source } = this.#deps;
    const other = await source.acquire(ACQUIRE_LIMIT_MS);
    let isSaid = false;
    try {
      await this.#notify(other, encode({ kind: 'hello', from: this.#name }));
      isSaid = true;
    } finally {
      source.release(other, !isSaid);
    }
  }

  async #stayOn(connection: Connection): Promise<void> {
    const poolsOwn = connection.onLost;
    connection.onLost = () => {
      poolsOwn();
      this.#interrupt();
    };
    // An idle server may end while it listens.
    connection.hold(false);
    while (!this.#closed && connection.lost === undefined && !connection.retired) {
      await this.#pause(BEAT_INTERVAL_MS);
      if (this.#closed || connection.lost !== undefined) return;
      await this.#notify(connection, encode({ kind: 'beat', from: this.#name }));
    }
  }

  #hear(message: NonNullable<ReturnType<typeof decode>>): void {
    const isNew = this.#peers.heardOf(message.from);
    if (message.kind === 'hello' || isNew) void this.#answerHello();
    this.#flushSoon();
    if (message.kind !== 'topics') return;
    for (const code of message.topics) {
      for (const watcher of this.#watchers.get(code) ?? []) watcher();
    }
  }

  /** One after the other. Past a number of them those that are on their way will do: all hear each of them. */
  async #answerHello(): Promise<void> {
    this.#answersOwed = Math.min(this.#answersOwed + 1, MOST_ANSWERS_OWED);
    if (this.#answering) return;
    this.#answering = true;
    while (this.#answersOwed > 0 && this.#connection !== undefined) {
      this.#answersOwed--;
      await this.#notify(this.#connection, encode({ kind: 'beat', from: this.#name })).catch(() => {});
    }
    this.#answersOwed = 0;
    this.#answering = false;
  }

  #wakeAll(): void {
    for (const watchers of [...this.#watchers.values()]) for (const watcher of watchers) watcher();
  }

  /**
   * Others may have listened while this process could not yet tell them, or not
   * know that they do; so what there is to tell is kept until it can. The oldest
   * is forgotten first: there may never be anybody.
   */
  #keep(topics: readonly string[]): void {
    for (const topic of topics) {
      this.#pending.delete(topic);
      this.#pending.add(topic);
    }
    if (this.#isHeard) return;
    for (const topic of this.#pending) {
      if (this.#pending.size <= TOPICS_PER_MESSAGE) return;
      this.#pending.delete(topic);
    }
  }

  get #isHeard(): boolean {
    return this.#connection !== undefined && this.#peers.any;
  }

  /** What happens in the same turn goes out together; nobody waits for it. */
  #flushSoon(): void {
    if (this.#pending.size === 0 || this.#cancelFlush !== undefined || this.#flushing) return;
    if (this.#isHeard) this.#armFlush(0);
  }

  #armFlush(delayMs: number): void {
    this.#cancelFlush = this.#deps.clock.startTimer(delayMs, () => {
      this.#cancelFlush = undefined;
      void this.#flush();
    });
  }

  async #flush(): Promise<void> {
    const connection = this.#connection;
    const topics = [...this.#pending].slice(0, TOPICS_PER_MESSAGE);
    if (connection === undefined || topics.length === 0) return;
    for (const topic of topics) this.#pending.delete(topic);
    this.#flushing = true;
    try {
      await this.#notify(
        connection,
        encode({ kind: 'topics', from: this.#name, topics: topics.map(topicCode) }),
      );
      // Also when nothing is pending: it keeps the next one at its distance.
      if (this.#connection === connection) this.#armFlush(FLUSH_INTERVAL_MS);
    } catch (error) {
      // Told with what comes next, or when it listens again.
      this.#keep(topics);
      this.#deps.logger.debug('other processes were not told', { reason: reasonOf(error) });
    } finally {
      this.#flushing = false;
    }
    // It may have begun to listen anew meanwhile.
    if (this.#connection !== connection) this.#flushSoon();
  }

  /**
   * A notification lost in a crash is no loss, and nobody should wait for the
   * disk because of one. For this transaction only: what is committed in the
   * session later must be durable, and the session may be anybody's.
   */
  async #notify(connection: Connection, payload: string): Promise<void> {
    const text = `SELECT pg_catalog.set_config('synchronous_commit', 'off', true), pg_catalog.pg_notify($1, $2)`;
    await this.#query(connection, text, [CHANNEL, payload]);
  }

  async #query(connection: Connection, text: string, values: readonly string[] = []): Promise<void> {
    await this.#limit(connection.query({ text, values: [...values] }), ANSWER_LIMIT_MS);
  }

  #limit<T>(work: Promise<T>, ms: number): Promise<T> {
    return withTimeLimit(work, { ms, clock: this.#deps.clock, message: `no answer within ${ms} ms` });
  }

  /** Waits so long, or until interrupted. */
  #pause(ms: number): Promise<void> {
    if (this.#closed) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.#deps.clock.startTimer(ms, resolve);
      this.#interrupt = () => {
        cancel();
        resolve();
      };
    });
  }
}
