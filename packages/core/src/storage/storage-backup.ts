/** The backup of a storage while it may be in use, by another process too. */
export interface StorageBackup {
  /** What is copied, such as the path of a file. Storages with the same text need one backup. */
  readonly source: string;

  /**
   * Writes a copy to a new file. It has everything that was acknowledged before the call, and each change as a whole
   * or not at all. It is on the disk once the promise is fulfilled. May block the thread for as long as that takes.
   *
   * Once the signal is aborted, it fails, and leaves nothing at the target. Files that are not complete are removed
   * before the `abort` of the controller returns, since the process may end then.
   *
   * @param target a path at which there is nothing. After a failure there is still nothing.
   * @returns the bytes of the copy.
   * @throws StorageError; the reason of the signal.
   */
  write(target: string, signal?: AbortSignal): Promise<number>;
}
