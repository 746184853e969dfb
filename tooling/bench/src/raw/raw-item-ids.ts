/** Stands for the random end of an id. */
const TAIL = '0123456789';

/** Makes ids of items, each greater than all before, without asking the database for its sequence. */
export function rawItemIds(first: number): (count: number) => readonly Buffer[] {
  let next = first;
  return (count) =>
    Array.from({ length: count }, () =>
      Buffer.from(`0${(next++).toString(16).padStart(16, '0')}${TAIL}`, 'latin1'),
    );
}
