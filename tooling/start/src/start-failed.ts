/** The start failed. The user gets the message without a stack. */
export class StartFailed extends Error {
  override readonly name = 'StartFailed';
}
