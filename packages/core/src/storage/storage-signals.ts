/**
 * Word between the processes that share a storage: that something happened to
 * a topic, and nothing about what. A driver sends it on where it can; who
 * hears it looks for itself.
 *
 * Signals may be lost, repeated, or come for a topic nobody told of. They save
 * time; nothing may rest on them.
 */
export interface StorageSignals {
  /** Whether what others tell is heard here just now. */
  readonly listening: boolean;

  /**
   * Tells the other processes. Call it after what happened is durable. Returns
   * at once and never throws; topics told in quick succession go out together.
   */
  tell(topic: string): void;

  /**
   * Begins to listen, and calls `heard` whenever another process told of the
   * topic, and when it may have: after listening began, or began again.
   *
   * @returns ends it.
   */
  watch(topic: string, heard: () => void): () => void;
}
