import { type Birth, type Check, crashed, type OpStory, type Story } from './story.ts';

/**
 * An item that died becomes one dead letter. A second one is forgiven where a
 * storage call for the first one failed or its engine died: then the first may
 * have been completed before it was known to be there.
 */
export const deadLetters: Check = function* (story) {
  const letters = Map.groupBy(
    story.births.filter(({ stay }) => stay.sourceId !== undefined),
    ({ stay }) => stay.sourceId as string,
  );
  const removals = new Map<string, OpStory[]>();
  for (const op of story.ops) {
    if (op.sent.name !== 'remove') continue;
    for (const id of op.sent.args[0] as readonly string[])
      removals.set(id, [...(removals.get(id) ?? []), op]);
  }
  const condemned = condemnedNames(story);
  for (const [sourceId, births] of letters) {
    const [{ stay }] = births as [Birth];
    if (condemned.get(sourceId) !== stay.name)
      yield `dead letter ${stay.id} came of ${sourceId}, which had not died`;
    if (stay.attempts !== 0) yield `dead letter ${stay.id} begins with ${stay.attempts} attempts`;
    const doubtful = [...births.map(({ op }) => op), ...(removals.get(sourceId) ?? [])].some((op) =>
      isDoubtful(story, op),
    );
    if (births.length > 1 && !doubtful) yield `item ${sourceId} became ${births.length} dead letters`;
  }
};

function isDoubtful(story: Story, { sent, returned }: OpStory): boolean {
  return returned?.ending !== 'ok' || crashed(story, sent.engine);
}

function condemnedNames({ ops }: Story): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const { effects } of ops) {
    for (const { came, changed } of effects) {
      for (const stay of [...came, ...changed.map(({ after }) => after)]) {
        if (stay.state === 'condemned') names.set(stay.id, stay.name);
      }
    }
  }
  return names;
}
