import { computed, effect, signal } from '@preact/signals';

/** What a person chose. `system`: as the browser or its machine is set. */
export type ThemeChoice = 'system' | 'light' | 'dark';

const KEY = 'querator-theme';
const prefersDark = matchMedia('(prefers-color-scheme: dark)');
const systemIsDark = signal(prefersDark.matches);
prefersDark.addEventListener('change', ({ matches }) => {
  systemIsDark.value = matches;
});

/** The choice of this browser. */
export const themeChoice = signal<ThemeChoice>(readChoice());

/** The theme that is shown. */
export const theme = computed(() => {
  const { value } = themeChoice;
  if (value !== 'system') return value;
  return systemIsDark.value ? 'dark' : 'light';
});

effect(() => {
  document.documentElement.dataset['theme'] = theme.value;
});

/** Chooses a theme, and remembers it where the browser allows that. */
export function chooseTheme(choice: ThemeChoice): void {
  themeChoice.value = choice;
  try {
    localStorage.setItem(KEY, choice);
  } catch {
    // Storage is switched off. The choice holds until the page is closed.
  }
}

function readChoice(): ThemeChoice {
  try {
    const kept = localStorage.getItem(KEY);
    return kept === 'light' || kept === 'dark' ? kept : 'system';
  } catch {
    return 'system';
  }
}
