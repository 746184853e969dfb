import type { Item } from '../../api/item.ts';
import { Badge, type Tone } from '../../parts/badge.tsx';
import { Moment } from '../../parts/moment.tsx';

/** The states of items, with what they mean. */
export const ITEM_STATES = ['waiting', 'leased', 'scheduled', 'moving', 'dead'] as const;

const TONES: Readonly<Record<string, Tone>> = { leased: 'good', moving: 'notice', dead: 'bad' };

/** The state of an item as a word. */
export function ItemState({ state }: { readonly state: string }) {
  return <Badge tone={TONES[state] ?? 'quiet'}>{state}</Badge>;
}

/** What happens next to an item by itself, and when. */
export function ItemDue({ item }: { readonly item: Item }) {
  const [word, at] = due(item);
  if (at === undefined) return <Moment at={at} />;
  return (
    <>
      <span class="quiet">{word}</span> <Moment at={at} />
    </>
  );
}

function due(item: Item): readonly [word: string, at: string | undefined] {
  switch (item.state) {
    case 'leased':
      return ['lease ends', item.lease_deadline];
    case 'scheduled':
      return ['available', item.enqueue_at];
    case 'dead':
      return ['died', item.died_at];
    default:
      return ['expires', item.expire_deadline];
  }
}
