import { createCipheriv, createDecipheriv, hash, hkdfSync } from 'node:crypto';
import type { Instant, Random } from '@querator/core';

/** What a cookie holds. Only servers can read or make it. */
export interface SealedSession {
  /** The text of the API key. */
  readonly apiKey: string;
  /** Whether the session may change anything. */
  readonly write: boolean;
  readonly expiresAt: Instant;
}

const ALGORITHM = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
/** Base62 digits with more than the bits of a nonce. */
const NONCE_DIGITS = 22;
const TAG_BYTES = 16;

/** The version of the format. Bound to the contents, so that no text of another version opens. */
const VERSION = 'v1';
const PURPOSE = `querator session ${VERSION}`;
const PREFIX = `${VERSION}.`;

/** Seals sessions with a key: nobody else can read them, make one, or change one. */
export class SessionSeal {
  readonly #key: Uint8Array;
  readonly #random: Random;

  /** @param secret any text that is hard to guess. */
  constructor(secret: string, random: Random) {
    this.#key = new Uint8Array(hkdfSync('sha256', secret, '', PURPOSE, KEY_BYTES));
    this.#random = random;
  }

  seal({ apiKey, write, expiresAt }: SealedSession): string {
    const nonce = hash('sha256', this.#random.base62(NONCE_DIGITS), 'buffer').subarray(0, NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.#key, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(Buffer.from(PURPOSE));
    const text = JSON.stringify([apiKey, write, String(expiresAt)]);
    const sealed = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return PREFIX + sealed.toString('base64url');
  }

  /** Undefined: this key has not sealed the text, or something has changed it. */
  open(text: string): SealedSession | undefined {
    if (!text.startsWith(PREFIX)) return undefined;
    const sealed = Buffer.from(text.slice(PREFIX.length), 'base64url');
    // Several texts stand for the same bytes. Only ours is valid.
    if (PREFIX + sealed.toString('base64url') !== text) return undefined;
    if (sealed.length <= NONCE_BYTES + TAG_BYTES) return undefined;
    const nonce = sealed.subarray(0, NONCE_BYTES);
    const decipher = createDecipheriv(ALGORITHM, this.#key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(PURPOSE));
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
    try {
      const opened = decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES));
      const [apiKey, write, expiresAt] = JSON.parse(Buffer.concat([opened, decipher.final()]).toString());
      return { apiKey, write, expiresAt: BigInt(expiresAt) as Instant };
    } catch {
      return undefined;
    }
  }
}
