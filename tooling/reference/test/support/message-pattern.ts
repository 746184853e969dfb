/** The message of a check as a pattern; `<name>` matches anything. */
export function patternOf(text: string): RegExp {
  const parts = text.split(/<[^>]+>/).map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('[^]+')}$`);
}
