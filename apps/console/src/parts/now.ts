import { signal } from '@preact/signals';

/** The time of the browser in milliseconds since 1970, brought up to date each second while the page is seen. */
export const now = signal(Date.now());

setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 1_000);
