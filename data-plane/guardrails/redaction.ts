/** Puts a mark in the place of what rules found in a message; every byte outside of the strings that held it stays as it came. */
import type { TextPart } from '../../shared/content-filter/judged-text.ts';
import type { DlpFinding } from '../../shared/dlp.ts';
import { applyEdits, type Edit } from '../transports/json-edits.ts';
import type { MessageText } from './message-texts.ts';

/** What a rule of any kind found, and in which texts. */
export interface Found extends Pick<DlpFinding, 'kind' | 'rule'> {
  readonly parts: readonly TextPart[];
}

interface Piece {
  readonly start: number;
  readonly end: number;
  readonly mark: string;
}

/** Undefined where something stands that cannot be replaced: a key, a number, or what the protocol goes by. */
export function redact(bytes: Buffer, texts: readonly MessageText[], found: readonly Found[]): Buffer | undefined {
  const pieces = new Map<MessageText, Piece[]>();
  for (const rule of found) {
    for (const { index, start, end } of rule.parts) {
      const text = texts[index];
      if (text === undefined || text.isFixed) return undefined;
      const known = pieces.get(text) ?? [];
      known.push({ start, end, mark: markOf(rule) });
      pieces.set(text, known);
    }
  }
  const starts = new Set([...pieces.keys()].map(({ start }) => start));
  // The letters of Base64, and what they say, stand in the same place: it cannot be given two new texts.
  if (starts.size < pieces.size) return undefined;
  return applyEdits(
    bytes,
    [...pieces].map(([text, those]) => editOf(text, those)),
  );
}

/** Says of which kind the rule is, and nothing of the text. */
function markOf({ kind, rule }: Pick<Found, 'kind' | 'rule'>): string {
  return `[redacted:${kind === 'DETECTOR' ? rule : kind}]`;
}

function editOf({ text, start, end, isBlob }: MessageText, pieces: readonly Piece[]): Edit {
  let redacted = '';
  let from = 0;
  for (const piece of pieces.toSorted((left, right) => left.start - right.start || right.end - left.end)) {
    // What overlaps has its mark already.
    if (piece.start >= from) redacted += text.slice(from, piece.start) + piece.mark;
    from = Math.max(from, piece.end);
  }
  redacted += text.slice(from);
  return { start, end, text: JSON.stringify(isBlob ? Buffer.from(redacted).toString('base64') : redacted) };
}
