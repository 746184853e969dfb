import {
  type CancelTimer,
  type Clock,
  type Logger,
  type Random,
  RunOnce,
  type StorageSignals,
} from '@querator/core';
import type { Connection } from '../connection/connection.ts';
import { reasonOf } from '../errors/connect-error.ts';
import { isUnknownStatement } from '../errors/postgres-error.ts';
import { withTimeLimit } from '../errors/time-limit.ts';
import { decode, encode, type Message, NAME_LENGTH, TOPICS_PER_MESSAGE, topicCode } from './message.ts';
import { Peers } from './peers.ts';
import { UnmarkedPeers } from './unmarked-peers.ts';

const CHANNEL = 'querator';

/** The shortest time between two notifications. Topics in between are sent together. */
const FLUSH_INTERVAL_MS = 20;
/** How often a process announces itself, which also tests its connection. */
const BEAT_INTERVAL_MS = 10_000;
/** The time limit of a statement, and of the arrival of our own notification. */
const ANSWER_LIMIT_MS = 3_000;
/** The time limit for getting a connection from the pool. */
const ACQUIRE_LIMIT_MS = 3_000;
/** Pauses between attempts to listen: the first, and the longest. */
const RETRY_MS = { first: 500, longest: 15_000 } as const;
/** The pause if notifications do not arrive: an operator may reconfigure the pooler. */
const UNREACHABLE_RETRY_MS = 300_000;

/** After an older process has greeted, it takes this long until it answers. */
const GREET_AGAIN_MS = 1_000;

/** Limits the answers to hellos: anyone who can connect can send them. */
const MOST_ANSWERS_OWED = 50;

/** Where the channel gets its connection. */
export interface ConnectionSource {
  /** The pool's limit. A pool of one connection cannot spare it. */
  readonly maxConns: number;
  /** Whether a session lasts as long as its connection. LISTEN needs that. */
  readonly keepsSessions: boolean;
  acquire(limitMs: number): Promise<Connection>;
  release(connection: Connection, broken: boolean): void;
}

/** Dependencies of a channel. */
export interface SignalChannelDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: Random;
  readonly source: ConnectionSource;
  /** The name of the servers in the log. */
  readonly target: string;
}

/**
 * Signals over LISTEN and NOTIFY, on one connection for the whole process.
 *
 * NOTIFY makes commits wait for each other. So it is a statement of its own, and never
 * part of a produce. It is only sent while other processes are known to listen, so a
 * single server does not pay for it.
 *
 * The channel tests whether notifications arrive: a pooler in transaction mode accepts
 * a LISTEN and forgets it. The test is sent on another connection while this one is
 * idle. A pooler may give two statements in a row the same session, and then the test
 * would succeed by chance.
 */
export class SignalChannel implements StorageSignals {
  readonly #deps: SignalChannelDeps;
  readonly #name: string;
  readonly #subscribers = new Map<string, Set<() => void>>();
  readonly #peers: Peers;
  /** The processes that keep no record of themselves. */
  readonly unmarked: UnmarkedPeers;
  /** Topics to publish, the latest last. */
  readonly #pending = new Set<string>();
  #connection: Connection | undefined;
  readonly #listening = new RunOnce(() => this.#run());
  #closed = false;
  /** Ends the channel's present wait. */
  #interrupt: () => void = () => {};
  #cancelFlush: CancelTimer | undefined;
  #cancelGreeting: CancelTimer | undefined;
  #flushing = false;
  #answering = false;
  #answersOwed = 0;

  constructor(deps: SignalChannelDeps) {
    this.#deps = deps;
    this.#name = deps.random.base62(NAME_LENGTH);
    this.#peers = new Peers(deps.clock, 3.5 * BEAT_INTERVAL_MS);
    this.unmarked = new UnmarkedPeers(deps.clock);
  }

  get listening(): boolean {
    return this.#connection !== undefined;
  }

  /** Starts listening without a topic, for the sake of {@link unmarked}. */
  listen(): void {
    if (!this.#closed) void this.#listening.run();
  }

  publish(topic: string): void {
    if (this.#closed) return;
    // A process without subscribers may still have something to publish.
    void this.#listening.run();
    this.#keep([topic]);
    this.#flushSoon();
  }

  subscribe(topic: string, onChange: () => void): () => void {
    const code = topicCode(topic);
    const subscribers = this.#subscribers.get(code) ?? new Set();
    // Wrapped so that the same function can subscribe twice.
    const subscriber = () => onChange();
    subscribers.add(subscriber);
    this.#subscribers.set(code, subscribers);
    this.listen();
    return () => {
      subscribers.delete(subscriber);
      if (subscribers.size === 0 && this.#subscribers.get(code) === subscribers)
        this.#subscribers.delete(code);
    };
  }

  /** Sends what is pending, and returns the connection to the pool. May be called twice. */
  async close(): Promise<void> {
    if (!this.#closed && this.#isReachable && !this.#flushing) await this.#flush();
    this.#closed = true;
    this.#cancelGreeting?.();
    this.#interrupt();
    if (this.#listening.hasBegun) await this.#listening.run();
  }

  async #run(): Promise<void> {
    let pauseMs: number = RETRY_MS.first;
    while (!this.#closed) {
      const began = this.#deps.clock.now();
      const outcome = await this.#listenOnce();
      if (outcome === 'unreachable') {
        pauseMs = UNREACHABLE_RETRY_MS;
        this.unmarked.cannotListen();
      }
      // It worked for a while, so start again with a short pause.
      else if (this.#deps.clock.now() - began > RETRY_MS.longest * 1_000) pauseMs = RETRY_MS.first;
      await this.#pause(pauseMs * (0.75 + this.#deps.random.fraction() / 2));
      pauseMs = Math.min(pauseMs * 2, RETRY_MS.longest);
    }
  }

  /** Listens until the connection is lost, or the channel is closed. Never rejects. */
  async #listenOnce(): Promise<'ended' | 'unreachable'> {
    const { source, logger, target } = this.#deps;
    if (!this.#mayListen) return 'unreachable';
    let connection: Connection | undefined;
    try {
      connection = await source.acquire(ACQUIRE_LIMIT_MS);
      if (this.#closed) return 'ended';
      // Opening the connection may have revealed a pooler.
      if (!this.#mayListen) return 'unreachable';
      const isReceived = await this.#begin(connection);
      if (!isReceived) {
        logger.warn('notifications of PostgreSQL do not arrive; polling for changes instead', { target });
        // Another client may get this session next.
        await this.#query(connection, 'UNLISTEN *');
        return 'unreachable';
      }
      this.#connection = connection;
      this.unmarked.greeted();
      logger.debug('listening for other processes', { target });
      this.#wakeAll();
      this.#flushSoon();
      await this.#stayOn(connection);
    } catch (error) {
      if (isUnknownStatement(error)) {
        logger.warn('the server does not support LISTEN; polling for changes instead', { target });
        return 'unreachable';
      }
      logger.debug('not listening for other processes', { target, reason: reasonOf(error) });
    } finally {
      this.#connection = undefined;
      this.unmarked.listensNoMore();
      this.#cancelFlush?.();
      this.#cancelFlush = undefined;
      if (connection !== undefined) {
        connection.onNotification = () => {};
        // Close it, so that it does not serve statements while it still listens.
        source.release(connection, true);
      }
    }
    return 'ended';
  }

  /** @returns whether the process receives its own notification. */
  async #begin(connection: Connection): Promise<boolean> {
    let receive: () => void = () => {};
    const received = new Promise<void>((resolve) => {
      receive = resolve;
    });
    connection.onNotification = (payload, session) => {
      const message = decode(payload);
      if (message?.from === this.#name) receive();
      else if (message !== undefined) this.#receive(message, session);
    };
    this.unmarked.listens();
    await this.#query(connection, `LISTEN ${CHANNEL}`);
    await this.#sayHello();
    return await this.#limit(received, ANSWER_LIMIT_MS).then(
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
      await this.#notify(other, encode({ kind: 'hello', from: this.#name, marked: true }));
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
    // The connection alone does not keep the process alive.
    connection.holdProcess(false);
    while (!this.#closed && connection.lost === undefined && !connection.retired) {
      await this.#pause(BEAT_INTERVAL_MS);
      if (this.#closed || connection.lost !== undefined) return;
      await this.#notify(connection, encode({ kind: 'beat', from: this.#name, marked: true }));
    }
  }

  #receive(message: Message, session: number): void {
    const isNew = this.#peers.add(message.from);
    if (message.kind !== 'topics' && !message.marked) {
      this.unmarked.heard(message.from, session, message.kind === 'beat');
      if (message.kind === 'hello') this.#greetAgain();
    }
    if (message.kind === 'hello' || isNew) void this.#answerHello();
    this.#flushSoon();
    if (message.kind !== 'topics') return;
    for (const code of message.topics) {
      for (const subscriber of this.#subscribers.get(code) ?? []) subscriber();
    }
  }

  /**
   * Answers one hello at a time. At the limit, answers that are already due are
   * enough: all processes receive each of them.
   */
  async #answerHello(): Promise<void> {
    this.#answersOwed = Math.min(this.#answersOwed + 1, MOST_ANSWERS_OWED);
    if (this.#answering) return;
    this.#answering = true;
    while (this.#answersOwed > 0 && this.#connection !== undefined) {
      this.#answersOwed--;
      await this.#notify(this.#connection, encode({ kind: 'beat', from: this.#name, marked: true })).catch(
        () => {},
      );
    }
    this.#answersOwed = 0;
    this.#answering = false;
  }

  /** The answer to another greeting shows on which session an older process listens. */
  #greetAgain(): void {
    this.#cancelGreeting ??= this.#deps.clock.startTimer(GREET_AGAIN_MS, () => {
      this.#cancelGreeting = undefined;
      const hello = encode({ kind: 'hello', from: this.#name, marked: true });
      if (this.#connection !== undefined) void this.#notify(this.#connection, hello).catch(() => {});
    });
  }

  #wakeAll(): void {
    for (const subscribers of [...this.#subscribers.values()])
      for (const subscriber of subscribers) subscriber();
  }

  /**
   * Keeps topics until they can be published: others may listen before this process
   * can publish, or knows of them. The oldest topic is dropped first, since there may
   * never be another process.
   */
  #keep(topics: readonly string[]): void {
    for (const topic of topics) {
      this.#pending.delete(topic);
      this.#pending.add(topic);
    }
    if (this.#isReachable) return;
    for (const topic of this.#pending) {
      if (this.#pending.size <= TOPICS_PER_MESSAGE) return;
      this.#pending.delete(topic);
    }
  }

  get #isReachable(): boolean {
    return this.#connection !== undefined && this.#peers.any;
  }

  /** Sends the topics of the same turn of the event loop together. No call waits for it. */
  #flushSoon(): void {
    if (this.#pending.size === 0 || this.#cancelFlush !== undefined || this.#flushing) return;
    if (this.#isReachable) this.#armFlush(0);
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
      // Armed even if nothing is pending, to keep the interval to the next one.
      if (this.#connection === connection) this.#armFlush(FLUSH_INTERVAL_MS);
    } catch (error) {
      // Publish them with the next ones, or after it listens again.
      this.#keep(topics);
      this.#deps.logger.debug('notification was not sent to other processes', { reason: reasonOf(error) });
    } finally {
      this.#flushing = false;
    }
    // It may have begun to listen again meanwhile.
    if (this.#connection !== connection) this.#flushSoon();
  }

  /**
   * A notification lost in a crash does no harm, so do not wait for the disk. Set for
   * this transaction only: later commits in the session must be durable, and it may
   * belong to another client.
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

  /** Waits until the time is over, or until interrupted. */
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
