/** A fixed text in place of an id's random end. */
const TAIL = '0123456789';

/** Makes increasing item ids without the database's sequence. */
export function rawItemIds(first: number): (count: number) => readonly Buffer[] {
  let next = first;
  return (count) =>
    Array.from({ length: count }, () =>
      Buffer.from(`0${(next++).toString(16).padStart(16, '0')}${TAIL}`, 'latin1'),
    );
}
