import type { Instant, NewItem } from '@querator/core';
import { newItem } from '../fixture/content.ts';

/** Makes the contents of a run's items and errors, each once. */
export class NewContents {
  readonly #keepsMetadata: boolean;
  #made = 0;

  /** @param keepsMetadata whether the partition keeps metadata and errors. */
  constructor(keepsMetadata: boolean) {
    this.#keepsMetadata = keepsMetadata;
  }

  text(): string {
    return `item ${++this.#made}`;
  }

  /** Every other item has metadata. */
  item(enqueueAt?: Instant): NewItem {
    const text = this.text();
    const item = newItem(text, enqueueAt);
    const hasMetadata = this.#keepsMetadata && this.#made % 2 === 0;
    return hasMetadata ? { ...item, metadata: new Map([['text', text]]) } : item;
  }

  /** Undefined if the partition cannot keep it. */
  error(): string | undefined {
    return this.#keepsMetadata ? `error ${++this.#made}` : undefined;
  }
}
