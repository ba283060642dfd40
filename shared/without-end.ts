/** Cuts characters off the end of a text, in time that grows with what is cut: a pattern such as `\.+$` is tried anew at each dot in the middle. */

/** `cut` is about one character, and has no state. */
export function withoutEnd(text: string, cut: RegExp): string {
  let end = text.length;
  while (end > 0 && cut.test(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}
