import { type Clock, type Instant, millisecondsBetween } from '@querator/core';

/** Limits memory: anyone who can connect can invent names of processes. */
const MOST_PEERS = 100;
/** How long a process that was greeted may take to reply. */
const REPLY_MS = 500;
/** A process that has sent nothing for this time is gone. It sends a beat every 10 s, and listens again within 25 s. */
const SILENT_MS = 26_000;
/** A process whose session has ended is gone after this time. If it still runs, it greets again from another session. */
const NO_SESSION_MS = 4_000;

/** A process that does not mark its messages. */
export interface UnmarkedPeer {
  readonly name: string;
  /** A database session of it. */
  readonly session: number;
}

interface Seen {
  session: number;
  /** Whether it listens on that session, which then lasts as long as the process. */
  isLasting: boolean;
  at: Instant;
  /** Since when the session is known to have ended. */
  noSessionSince: Instant | undefined;
}

/**
 * The processes that send messages without the mark: those of versions that keep no
 * record of themselves. Every version since the first with messages greets when it
 * begins to listen, answers a greeting, and sends a beat every 10 s.
 */
export class UnmarkedPeers {
  readonly #clock: Clock;
  readonly #seen = new Map<string, Seen>();
  readonly #watchers = new Set<() => void>();
  /** Since when this process listens, or cannot. Undefined while it tries. */
  #listeningSince: Instant | undefined;
  /** Whether the processes had the time to answer a greeting. */
  #known = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `onChange` when a process was noticed, or when all are known. @returns ends the subscription. */
  watch(onChange: () => void): () => void {
    const watcher = () => onChange();
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  /** Those that are believed to run. Undefined while there may be others. */
  get all(): readonly UnmarkedPeer[] | undefined {
    if (!this.#known) return undefined;
    const now = this.#clock.now();
    for (const [name, seen] of this.#seen) if (this.#isGone(seen, now)) this.#seen.delete(name);
    return [...this.#seen].map(([name, { session }]) => ({ name, session }));
  }

  /** This process begins to listen. It greets the others next, and may hear them at once. */
  listens(): void {
    this.#listeningSince = this.#clock.now();
  }

  /** This process has greeted the others. */
  greeted(): void {
    if (this.#known) return;
    this.#clock.startTimer(REPLY_MS, () => {
      if (this.#listeningSince !== undefined) this.#becomeKnown();
    });
  }

  /** This process no longer listens. What it knows stays true until it listens again. */
  listensNoMore(): void {
    this.#listeningSince = undefined;
  }

  /** This process cannot listen, so it notices none. Those that it noticed before become silent. */
  cannotListen(): void {
    this.#listeningSince = this.#clock.now();
    this.#becomeKnown();
  }

  /**
   * A message without the mark arrived.
   *
   * @param session the session that sent it.
   * @param isLasting whether the process listens on that session: it sends beats there,
   *   and greetings from any other one.
   */
  heard(name: string, session: number, isLasting: boolean): void {
    const seen = this.#seen.get(name);
    const at = this.#clock.now();
    if (seen === undefined) {
      if (this.#seen.size >= MOST_PEERS) return;
      this.#seen.set(name, { session, isLasting, at, noSessionSince: undefined });
      this.#changed();
      return;
    }
    seen.at = at;
    if (!isLasting || (seen.isLasting && session === seen.session)) return;
    seen.session = session;
    seen.isLasting = true;
    seen.noSessionSince = undefined;
    this.#changed();
  }

  /** Takes over which of the sessions exist. */
  checked(sessions: ReadonlySet<number>): void {
    for (const seen of this.#seen.values()) {
      if (!seen.isLasting || sessions.has(seen.session)) seen.noSessionSince = undefined;
      else seen.noSessionSince ??= this.#clock.now();
    }
  }

  /** After a time without listening, for example because the database was down, a process may not listen yet. */
  #isGone({ at, noSessionSince }: Seen, now: Instant): boolean {
    const since = this.#listeningSince;
    if (since === undefined) return false;
    if (millisecondsBetween(at > since ? at : since, now) > SILENT_MS) return true;
    return (
      at >= since && noSessionSince !== undefined && millisecondsBetween(noSessionSince, now) >= NO_SESSION_MS
    );
  }

  #becomeKnown(): void {
    if (this.#known) return;
    this.#known = true;
    this.#changed();
  }

  #changed(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }
}
