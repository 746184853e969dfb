import {
  type AuditEvent,
  type AuditListRequest,
  type AuditPage,
  type AuditPosition,
  type AuditStore,
  addDuration,
  type Clock,
  type Duration,
  type MakeAuditEvent,
  type NewAuditEvent,
} from '@querator/core';
import { byteOrder } from '../byte-order.ts';

/** The most events that are kept: about 10 MB. */
const MOST_EVENTS = 10_000;

/** Events in memory: the newest ones. */
export class MemoryAuditStore implements AuditStore {
  readonly #clock: Clock;
  readonly #assertOpen: () => void;
  /** By {@link keyOf}, in the order in which they were stored. */
  readonly #events = new Map<string, AuditEvent>();

  constructor(clock: Clock, assertOpen: () => void) {
    this.#clock = clock;
    this.#assertOpen = assertOpen;
  }

  async append(events: readonly NewAuditEvent[]): Promise<void> {
    this.#assertOpen();
    for (const event of events) this.#add(event);
  }

  async list(request: AuditListRequest): Promise<AuditPage> {
    this.#assertOpen();
    const { after, limit } = request;
    const found = [...this.#events.values()]
      .filter((event) => isWanted(event, request) && (after === undefined || order(event, after) < 0))
      .sort((a, b) => order(b, a));
    const events = found.slice(0, limit);
    const last = found.length > limit ? events.at(-1) : undefined;
    return { events, next: last && positionOf(last) };
  }

  async prune(keep: Duration, limit: number): Promise<number> {
    this.#assertOpen();
    const now = this.#clock.now();
    const old = [...this.#events].filter(([, { at }]) => addDuration(at, keep) < now);
    old.sort(([, a], [, b]) => order(a, b));
    const removed = old.slice(0, limit);
    for (const [key] of removed) this.#events.delete(key);
    return removed.length;
  }

  /**
   * Makes the event of a change. What it returns stores the event and never fails,
   * so that the change and its event take effect together.
   *
   * @throws what `make` throws. Then the change must not take effect.
   */
  prepare(make: MakeAuditEvent | undefined): () => void {
    if (make === undefined) return () => {};
    const event = make();
    return () => this.#add(event);
  }

  /** Releases everything when the backend closes. */
  clear(): void {
    this.#events.clear();
  }

  #add(event: NewAuditEvent): void {
    const key = keyOf(event);
    if (this.#events.has(key)) return;
    this.#events.set(key, Object.freeze({ ...structuredClone(event), at: this.#clock.now() }));
    if (this.#events.size <= MOST_EVENTS) return;
    const [oldest] = this.#events.keys();
    if (oldest !== undefined) this.#events.delete(oldest);
  }
}

function isWanted(event: AuditEvent, { namespace, from, to, actor, actions }: AuditListRequest): boolean {
  return (
    (namespace === undefined || event.namespace === namespace) &&
    from <= event.at &&
    event.at < to &&
    (actor === undefined || event.userId === actor || event.username === actor) &&
    (actions === undefined || actions.includes(event.action))
  );
}

function positionOf({ at, callId, outcome }: AuditEvent): AuditPosition {
  return { at, callId, ended: outcome !== 'begun' };
}

/** Of one call, the begin comes before the end. */
function keyOf({ callId, outcome }: Pick<NewAuditEvent, 'callId' | 'outcome'>): string {
  return `${outcome === 'begun' ? 0 : 1}/${callId}`;
}

/** Negative if the first comes before the second. */
function order(a: AuditEvent, b: AuditEvent | AuditPosition): number {
  const second = 'ended' in b ? b : positionOf(b);
  if (a.at !== second.at) return a.at < second.at ? -1 : 1;
  return byteOrder(a.callId, second.callId) || Number(a.outcome !== 'begun') - Number(second.ended);
}
