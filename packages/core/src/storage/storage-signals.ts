/**
 * Change notifications between processes that share a storage. A notification
 * names a topic and carries no data. A subscriber reads the storage itself.
 *
 * Notifications may be lost, repeated, or sent without a change. They only save
 * time: nothing may depend on them.
 */
export interface StorageSignals {
  /** Whether this process currently receives notifications. */
  readonly listening: boolean;

  /**
   * Notifies the other processes. Call it after the change is durable. Returns
   * at once and never throws. Topics published in quick succession may be sent
   * together.
   */
  publish(topic: string): void;

  /**
   * Starts listening. Calls `onChange` for each notification of the topic, and
   * whenever one may have been missed: each time listening starts.
   *
   * @returns ends the subscription.
   */
  subscribe(topic: string, onChange: () => void): () => void;
}
