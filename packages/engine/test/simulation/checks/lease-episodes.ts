import { leasedOf } from '../request.ts';
import { isPreparedLetter } from './dead-letters.ts';
import type { CallRecord, OpRecord, RunRecord } from './run-record.ts';

/** The time from a lease in storage to its answer to a consumer, or to its release. */
export interface LeaseEpisode {
  readonly id: string;
  readonly place: string;
  /** The storage call that leased it. `…At` are positions in the history. */
  readonly op: OpRecord;
  readonly leasedAt: number;
  handed?: { readonly to: CallRecord; readonly at: number };
  undone?: { readonly by: OpRecord; readonly at: number };
}

/** The leases of each partition, in storage order. */
export function leaseEpisodes({ events, calls, ops }: RunRecord): ReadonlyMap<string, LeaseEpisode[]> {
  const callOf = new Map(calls.map((call) => [call.asked.call, call]));
  const opOf = new Map(ops.map((op) => [op.sent.op, op]));
  const episodes = new Map<string, LeaseEpisode[]>();
  const latest = new Map<string, LeaseEpisode>();
  events.forEach((event, at) => {
    if (event.type === 'answer') {
      const to = callOf.get(event.call) as CallRecord;
      if (to.asked.request.kind !== 'lease') return;
      for (const { id } of leasedOf(event.answer).items) {
        const episode = latest.get(id);
        if (episode !== undefined) episode.handed ??= { to, at };
      }
    }
    if (event.type !== 'effect') return;
    const { place, effect } = event;
    const op = opOf.get(event.op) as OpRecord;
    for (const stay of effect.now) {
      if (stay.state === 'waiting' && op.sent.name === 'release') {
        const episode = latest.get(stay.id);
        if (episode !== undefined) episode.undone = { by: op, at };
      }
      if (stay.state !== 'leased' || isPreparedLetter(stay)) continue;
      const episode: LeaseEpisode = { id: stay.id, place, op, leasedAt: at };
      latest.set(stay.id, episode);
      const here = episodes.get(place);
      if (here === undefined) episodes.set(place, [episode]);
      else here.push(episode);
    }
  });
  return episodes;
}
