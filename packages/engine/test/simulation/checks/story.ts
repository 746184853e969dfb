import type { Effect, Happening, History, Of, Stay } from '../history.ts';

/** One request of a client, from beginning to end. `…At` are places in the history. */
export interface CallStory {
  readonly asked: Of<'call'>;
  readonly askedAt: number;
  leftAt?: number;
  answer?: Of<'answer'>;
  answeredAt: number;
}

/** One storage call of an engine. */
export interface OpStory {
  readonly sent: Of<'sent'>;
  readonly sentAt: number;
  readonly effects: Effect[];
  /** Of its first effect; never: after the end. */
  effectAt: number;
  returned?: Of<'returned'>;
  returnedAt: number;
}

/** When an item came into a queue: produced, imported or as a dead letter, not when it merely changed its id. */
export interface Birth {
  readonly stay: Stay;
  readonly place: string;
  readonly op: OpStory;
}

/** A history, sorted by what belongs together. */
export interface Story {
  readonly happenings: readonly Happening[];
  readonly calls: readonly CallStory[];
  readonly ops: readonly OpStory[];
  readonly births: readonly Birth[];
  /** The calls that completed or retried an id, and those that were handed it. */
  readonly claims: ReadonlyMap<string, readonly CallStory[]>;
  readonly settings: readonly Of<'settings'>[];
  /** When engines slept. */
  readonly naps: ReadonlyMap<string, readonly Nap[]>;
}

/** The sleep of an engine. */
export interface Nap {
  readonly fromMs: number;
  untilMs: number;
}

/** What must always hold of a story; says what does not. */
export type Check = (story: Story) => Iterable<string>;

const NEVER = Number.POSITIVE_INFINITY;

export function storyOf({ all: happenings }: History): Story {
  const calls = new Map<number, CallStory>();
  const ops = new Map<number, OpStory>();
  const births: Birth[] = [];
  const settings: Of<'settings'>[] = [];
  const naps = new Map<string, Nap[]>();
  happenings.forEach((happening, at) => {
    switch (happening.type) {
      case 'call':
        calls.set(happening.call, { asked: happening, askedAt: at, answeredAt: NEVER });
        return;
      case 'leave':
        (calls.get(happening.call) as CallStory).leftAt = at;
        return;
      case 'answer':
        Object.assign(calls.get(happening.call) as CallStory, { answer: happening, answeredAt: at });
        return;
      case 'sent':
        ops.set(happening.op, {
          sent: happening,
          sentAt: at,
          effects: [],
          effectAt: NEVER,
          returnedAt: NEVER,
        });
        return;
      case 'returned':
        Object.assign(ops.get(happening.op) as OpStory, { returned: happening, returnedAt: at });
        return;
      case 'effect': {
        const op = ops.get(happening.op) as OpStory;
        if (op.effects.length === 0) op.effectAt = at;
        op.effects.push(happening.effect);
        const { came, left } = happening.effect;
        const wereThere = new Set(left.map(({ name }) => name));
        for (const stay of came) {
          if (!wereThere.has(stay.name)) births.push({ stay, place: happening.place, op });
        }
        return;
      }
      case 'settings':
        settings.push(happening);
        return;
      case 'sleep':
        naps.set(happening.engine, [
          ...(naps.get(happening.engine) ?? []),
          { fromMs: happening.atMs, untilMs: Number.POSITIVE_INFINITY },
        ]);
        return;
      case 'wake':
        (naps.get(happening.engine)?.at(-1) as Nap).untilMs = happening.atMs;
        return;
      case 'crash':
      case 'stop':
      case 'world':
        return;
    }
  });
  const all = [...calls.values()];
  return { happenings, calls: all, ops: [...ops.values()], births, claims: claimsOf(all), settings, naps };
}

function claimsOf(calls: readonly CallStory[]): ReadonlyMap<string, readonly CallStory[]> {
  const claims = new Map<string, CallStory[]>();
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
export function claimedIds({ asked: { request } }: CallStory): readonly string[] {
  if (request.kind === 'complete') return request.ids;
  return request.kind === 'retry' ? request.items.map(({ id }) => id) : [];
}

/** Whether a storage call was answered with success to the engine of a client's call, before that was answered. */
export function endedWellBefore(op: OpStory, call: CallStory): boolean {
  return (
    op.returned?.ending === 'ok' && op.returnedAt < call.answeredAt && op.sent.engine === call.asked.engine
  );
}

/** How much time an engine had from one moment to the other, in which it was awake. */
export function awakeMs({ naps }: Story, engine: string, fromMs: number, untilMs: number): number {
  let ms = untilMs - fromMs;
  for (const nap of naps.get(engine) ?? []) {
    ms -= Math.max(0, Math.min(untilMs, nap.untilMs) - Math.max(fromMs, nap.fromMs));
  }
  return ms;
}

/** A client's call, for people. */
export function nameOf({ asked }: CallStory): string {
  return `call ${asked.call} (${asked.request.kind} by ${asked.client} at ${asked.engine})`;
}
