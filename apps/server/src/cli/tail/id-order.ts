import { ITEM_ID_LENGTH } from '@querator/core';

/** The characters of ids in the order of their bytes, which is that of the items. */
const CHARACTERS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const BASE = BigInt(CHARACTERS.length);

/** The place of an id in the order of all ids, from 0. */
export function placeOfId(id: string): bigint {
  let place = 0n;
  for (const character of id) place = place * BASE + BigInt(Math.max(CHARACTERS.indexOf(character), 0));
  return place;
}

/** The id of a place. */
export function idOfPlace(place: bigint): string {
  let id = '';
  for (let rest = place; rest > 0n; rest /= BASE) id = CHARACTERS[Number(rest % BASE)] + id;
  return id.padStart(ITEM_ID_LENGTH, '0');
}
