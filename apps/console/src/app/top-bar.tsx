import { useState } from 'preact/hooks';
import { allowChanges, session, signOut } from '../api/session.ts';
import { tellDone, tellFailed } from '../parts/messages.tsx';
import { Plain } from '../parts/plain.tsx';
import { chooseTheme, type ThemeChoice, themeChoice } from '../parts/theme.ts';

/** The top of the page: who is there, whether changes are on, the theme. */
export function TopBar({ menuOpen, onMenu }: { readonly menuOpen: boolean; readonly onMenu: () => void }) {
  const { state } = session.value;
  return (
    <header class="top-bar">
      <button type="button" class="skip" onClick={() => document.getElementById('main')?.focus()}>
        Skip to the content
      </button>
      {state !== 'none' && state !== 'unknown' && (
        <button
          type="button"
          class="menu"
          aria-expanded={menuOpen}
          aria-controls="navigation"
          onClick={onMenu}
        >
          Menu
        </button>
      )}
      <a class="brand" href="#/">
        <svg width="18" height="18" viewBox="0 0 16 16" aria-hidden="true">
          <rect width="16" height="16" rx="3" />
          <path d="M3 4.5h10M3 8h7M3 11.5h4" />
        </svg>
        <span>Querator</span>
      </a>
      <span class="spacer" />
      {state === 'open' && <ChangesSwitch />}
      <ThemeSwitch />
      {state === 'open' && <Person />}
    </header>
  );
}

function ChangesSwitch() {
  const { write } = session.value;
  const [busy, setBusy] = useState(false);
  const toggle = async () => {
    setBusy(true);
    try {
      await allowChanges(!write);
      tellDone(write ? 'Changes are off. The session is read-only.' : 'Changes are on.');
    } catch (error) {
      tellFailed(error);
    }
    setBusy(false);
  };
  return (
    <button
      type="button"
      role="switch"
      aria-checked={write}
      class="switch"
      disabled={busy}
      title={write ? 'This session may change things' : 'This session is read-only'}
      onClick={toggle}
    >
      <span class="switch-track" aria-hidden="true" />
      Changes <span aria-hidden="true">{write ? 'on' : 'off'}</span>
    </button>
  );
}

const THEMES: readonly ThemeChoice[] = ['system', 'light', 'dark'];

/** One press leads from the system's theme to light, dark, and back. */
function ThemeSwitch() {
  const { value } = themeChoice;
  const next = THEMES[(THEMES.indexOf(value) + 1) % THEMES.length] ?? 'system';
  const label = `Theme: ${value}. Change to ${next}`;
  return (
    <button
      type="button"
      class="quiet theme"
      aria-label={label}
      title={label}
      onClick={() => chooseTheme(next)}
    >
      <svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
        <circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" stroke-width="1.5" />
        {value !== 'light' && <path d={value === 'dark' ? FULL : HALF} fill="currentColor" />}
      </svg>
    </button>
  );
}

const HALF = 'M8 2a6 6 0 0 1 0 12z';
const FULL = 'M8 4a4 4 0 0 1 0 8a4 4 0 0 1 0-8z';

function Person() {
  const { username, accessControl } = session.value;
  if (!accessControl) return <span class="quiet person">no access control</span>;
  return (
    <>
      {username !== '' && (
        <span class="person">
          <Plain text={username} limit={40} />
        </span>
      )}
      <button type="button" onClick={() => signOut().catch(tellFailed)}>
        Sign out
      </button>
    </>
  );
}
