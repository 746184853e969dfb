export { ArchiveFault } from './archive/archive-fault.ts';
export { ArchiveFile, archiveBytes } from './archive/archive-file.ts';
export type { ArchiveEnd, ArchiveHeader, ArchiveLine, Checkpoint } from './archive/archive-lines.ts';
export { readArchive } from './archive/archive-reader.ts';
export type { ArchiveSink, ResumePoint } from './archive/archive-writer.ts';
export { type ExportOptions, type ExportReport, exportQueues } from './archive/export-queues.ts';
export {
  digestOfQueue,
  type ImportedQueue,
  type ImportOptions,
  importArchive,
} from './archive/import-archive.ts';
export {
  type ComparedKeys,
  type CompareKeysOptions,
  compareKeys,
  digestKeys,
  KeyDigests,
} from './items/compare-keys.ts';
export type { KeyCounts, KeysLeftOut } from './items/dedup-keys.ts';
export type { DigestValue } from './items/item-digest.ts';
export { ItemRefused } from './items/keyed-importer.ts';
export type { TargetQueue } from './queues/create-queues.ts';
export type { CarriedQuota } from './queues/quotas.ts';
export type { Work } from './repeat.ts';
export type { InDoubt, InFlight, Journal, MoveMemory } from './servers/in-flight.ts';
export { JournalFault, JournalFile } from './servers/journal-file.ts';
export { type LiveMoveOptions, moveLive } from './servers/move-live.ts';
export type { MovedQueue, MovedSchedule, MoveOptions, MoveReport } from './servers/move-options.ts';
export { moveStopped, type StoppedMoveOptions } from './servers/move-stopped.ts';
export { type CopiedQueue, type CopyOptions, copyJobs } from './sources/copy-jobs.ts';
export {
  type ForeignBatch,
  type ForeignJob,
  type ForeignQueue,
  type ForeignSettings,
  type ForeignSystem,
  ForeignSystemFault,
  type JobCounts,
  type SystemDeps,
} from './sources/foreign-system.ts';
export { isForeign, openSystem } from './sources/open-system.ts';
