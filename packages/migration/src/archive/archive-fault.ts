/** An archive is not what it should be: damaged, incomplete, or of another format. */
export class ArchiveFault extends Error {
  override readonly name = 'ArchiveFault';
}
