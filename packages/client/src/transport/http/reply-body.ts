/** The body of a reply, which arrives in pieces. */
export interface ReplyBody {
  /**
   * Takes bytes that have arrived.
   *
   * @returns how many of them belong to the body.
   * @throws ReplySyntaxError if the body is malformed.
   */
  take(bytes: Buffer): number;
  /** Whether all of it has arrived. */
  readonly isComplete: boolean;
  /** Whether it ends where the connection does. */
  readonly endsWithConnection: boolean;
  /** What has arrived. */
  content(): Buffer;
}
