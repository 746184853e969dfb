import { session } from '../api/session.ts';

/** Says beside buttons that change something why they do nothing. */
export function ReadOnlyNote() {
  if (session.value.write) return null;
  return <p class="quiet">This session is read-only. Switch on “Changes” at the top of the page to act.</p>;
}
