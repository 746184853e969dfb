import { leasedOf } from '../request.ts';
import { isPreparedLetter } from './dead-letters.ts';
import type { CallStory, OpStory, Story } from './story.ts';

/** From the moment in which storage leased an item until a consumer was handed it, or the lease was undone. */
export interface LeaseEpisode {
  readonly id: string;
  readonly place: string;
  /** That leased it. `…At` are places in the history. */
  readonly op: OpStory;
  readonly leasedAt: number;
  handed?: { readonly to: CallStory; readonly at: number };
  undone?: { readonly by: OpStory; readonly at: number };
}

/** The leases of each partition, in the order in which storage made them. */
export function leaseEpisodes({ happenings, calls, ops }: Story): ReadonlyMap<string, LeaseEpisode[]> {
  const callOf = new Map(calls.map((call) => [call.asked.call, call]));
  const opOf = new Map(ops.map((op) => [op.sent.op, op]));
  const episodes = new Map<string, LeaseEpisode[]>();
  const latest = new Map<string, LeaseEpisode>();
  happenings.forEach((happening, at) => {
    if (happening.type === 'answer') {
      const to = callOf.get(happening.call) as CallStory;
      if (to.asked.request.kind !== 'lease') return;
      for (const { id } of leasedOf(happening.answer).items) {
        const episode = latest.get(id);
        if (episode !== undefined) episode.handed ??= { to, at };
      }
    }
    if (happening.type !== 'effect') return;
    const { place, effect } = happening;
    const op = opOf.get(happening.op) as OpStory;
    for (const stay of [...effect.came, ...effect.changed.map(({ after }) => after)]) {
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
