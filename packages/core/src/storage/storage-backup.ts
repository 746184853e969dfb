/** The backup of a storage while it may be in use, by another process too. */
export interface StorageBackup {
  /** What is copied, such as the path of a file. Storages with the same text need one backup. */
  readonly source: string;

  /**
   * Writes a copy to a new file. It has everything that was acknowledged before the call, and each change as a whole
   * or not at all. It is on the disk once the promise is fulfilled. May block the thread for as long as that takes.
   *
   * @param target a path at which there is nothing. After a failure there is still nothing.
   * @returns the bytes of the copy.
   * @throws StorageError
   */
  write(target: string): Promise<number>;
}
