import type { Effect, History, HistoryEvent, Of, Stay } from '../history.ts';

/** One request of a client, from its call to its answer. `…At` are positions in the history. */
export interface CallRecord {
  readonly asked: Of<'call'>;
  readonly askedAt: number;
  leftAt?: number;
  answer?: Of<'answer'>;
  answeredAt: number;
}

/** One storage call of an engine. */
export interface OpRecord {
  readonly sent: Of<'sent'>;
  readonly sentAt: number;
  readonly effects: Effect[];
  /** The position of its first effect; after the end if there was none. */
  effectAt: number;
  returned?: Of<'returned'>;
  returnedAt: number;
}

/**
 * The arrival of an item in a queue: produced, imported or as a dead letter. A
 * new id alone is no arrival.
 */
export interface ItemArrival {
  readonly stay: Stay;
  readonly place: string;
  readonly op: OpRecord;
}

/** A history, indexed by calls, storage calls and items. */
export interface RunRecord {
  readonly events: readonly HistoryEvent[];
  readonly calls: readonly CallRecord[];
  readonly ops: readonly OpRecord[];
  readonly arrivals: readonly ItemArrival[];
  /** The calls that completed or retried an id. */
  readonly claims: ReadonlyMap<string, readonly CallRecord[]>;
  readonly settings: readonly Of<'settings'>[];
  /** When engines slept. */
  readonly sleeps: ReadonlyMap<string, readonly SleepPeriod[]>;
}

/** The sleep of an engine. */
export interface SleepPeriod {
  readonly fromMs: number;
  untilMs: number;
}

/** A rule that every run must keep. Yields the violations. */
export type Check = (run: RunRecord) => Iterable<string>;

const NEVER = Number.POSITIVE_INFINITY;

export function recordRun({ all: events }: History): RunRecord {
  const calls = new Map<number, CallRecord>();
  const ops = new Map<number, OpRecord>();
  const arrivals: ItemArrival[] = [];
  const settings: Of<'settings'>[] = [];
  const sleeps = new Map<string, SleepPeriod[]>();
  events.forEach((event, at) => {
    switch (event.type) {
      case 'call':
        calls.set(event.call, { asked: event, askedAt: at, answeredAt: NEVER });
        return;
      case 'leave':
        (calls.get(event.call) as CallRecord).leftAt = at;
        return;
      case 'answer':
        Object.assign(calls.get(event.call) as CallRecord, { answer: event, answeredAt: at });
        return;
      case 'sent':
        ops.set(event.op, {
          sent: event,
          sentAt: at,
          effects: [],
          effectAt: NEVER,
          returnedAt: NEVER,
        });
        return;
      case 'returned':
        Object.assign(ops.get(event.op) as OpRecord, { returned: event, returnedAt: at });
        return;
      case 'effect': {
        const op = ops.get(event.op) as OpRecord;
        if (op.effects.length === 0) op.effectAt = at;
        op.effects.push(event.effect);
        const { came, left } = event.effect;
        if (came.length === 0) return;
        const wereThere = new Set(left.map(({ name }) => name));
        for (const stay of came) {
          if (!wereThere.has(stay.name)) arrivals.push({ stay, place: event.place, op });
        }
        return;
      }
      case 'settings':
        settings.push(event);
        return;
      case 'sleep':
        sleeps.set(event.engine, [
          ...(sleeps.get(event.engine) ?? []),
          { fromMs: event.atMs, untilMs: Number.POSITIVE_INFINITY },
        ]);
        return;
      case 'wake':
        (sleeps.get(event.engine)?.at(-1) as SleepPeriod).untilMs = event.atMs;
        return;
      case 'extended':
      case 'crash':
      case 'stop':
      case 'note':
        return;
    }
  });
  const all = [...calls.values()];
  return { events, calls: all, ops: [...ops.values()], arrivals, claims: claimsOf(all), settings, sleeps };
}

function claimsOf(calls: readonly CallRecord[]): ReadonlyMap<string, readonly CallRecord[]> {
  const claims = new Map<string, CallRecord[]>();
  for (const call of calls) {
    for (const id of claimedIds(call)) {
      const others = claims.get(id);
      if (others === undefined) claims.set(id, [call]);
      else others.push(call);
    }
  }
  return claims;
}

/** The ids of leased items that a complete or retry request names. */
export function claimedIds({ asked: { request } }: CallRecord): readonly string[] {
  if (request.kind === 'complete') return request.ids;
  return request.kind === 'retry' ? request.items.map(({ id }) => id) : [];
}

/** Whether storage had confirmed a call to the engine before the client's call was answered. */
export function endedWellBefore(op: OpRecord, call: CallRecord): boolean {
  return (
    op.returned?.ending === 'ok' && op.returnedAt < call.answeredAt && op.sent.engine === call.asked.engine
  );
}

/** How long an engine was awake between two moments, in milliseconds. */
export function awakeMs({ sleeps }: RunRecord, engine: string, fromMs: number, untilMs: number): number {
  let ms = untilMs - fromMs;
  for (const nap of sleeps.get(engine) ?? []) {
    ms -= Math.max(0, Math.min(untilMs, nap.untilMs) - Math.max(fromMs, nap.fromMs));
  }
  return ms;
}

/** The name of a client's call in messages. */
export function nameOf({ asked }: CallRecord): string {
  return `call ${asked.call} (${asked.request.kind} by ${asked.client} at ${asked.engine})`;
}
