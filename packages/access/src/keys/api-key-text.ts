import { hash } from 'node:crypto';
import type { Random } from '@querator/core';

/** The longest tag of a key, in characters. */
export const LONGEST_TAG = 16;
/** 43 base62 digits hold 256 bits. */
const SECRET_LENGTH = 43;
/** Longer texts are refused before anything looks at them. No key that a server makes is longer than 64. */
const LONGEST_KEY = 512;
/** How many characters of the secret people see. */
const SHOWN_LENGTH = 8;

const KEY = /^qtr-[0-9a-z]{1,16}-[0-9A-Za-z]{43,}$/;
const TAG = /^[0-9a-z]*$/;

/** A key as its owner gets it, and what the store keeps of it. */
export interface NewKeyText {
  /** The whole key, with its secret. */
  readonly text: string;
  readonly hash: string;
  readonly prefix: string;
}

/** Whether every character of a tag is allowed. The length is another rule. */
export function isTag(text: string): boolean {
  return TAG.test(text);
}

/** Whether a text has the form of a key. */
export function isKeyText(text: string): boolean {
  return text.length <= LONGEST_KEY && KEY.test(text);
}

/** SHA-256 of the whole text, as base64url without padding. */
export function hashOfKey(text: string): string {
  return hash('sha256', text, 'base64url');
}

/** The part of a key that may be shown: `qtr-<tag>-` and the first characters of the secret. */
export function prefixOfKey(text: string): string {
  return text.slice(0, text.indexOf('-', 4) + 1 + SHOWN_LENGTH);
}

/** Makes a key with a new secret. */
export function newKey(tag: string, random: Random): NewKeyText {
  const text = `qtr-${tag}-${random.base62(SECRET_LENGTH)}`;
  return { text, hash: hashOfKey(text), prefix: prefixOfKey(text) };
}
