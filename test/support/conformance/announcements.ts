/** Tells every stream that listens when a list of the fixture has changed. */

export type ChangedList = 'tools' | 'prompts';

const listeners = new Set<(list: ChangedList) => void>();

export function announce(list: ChangedList): void {
  for (const listener of listeners) listener(list);
}

/** Answers how to stop listening. */
export function onAnnouncement(listener: (list: ChangedList) => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}
