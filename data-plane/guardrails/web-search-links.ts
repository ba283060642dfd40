/** Redacts the links in an answer of a web-search server that lead where its policy does not. */
import type { Trail } from '../trail.ts';
import { messageTextsOf } from './message-texts.ts';
import { redact, type Found } from './redaction.ts';
import { linksIn } from './web-links.ts';
import type { CompiledWebSearch } from './web-search.ts';

/** The bytes are valid JSON of bounded depth; the same buffer when nothing is redacted. What cannot be replaced, such as a key, stays: a link is no secret. */
export function redactLinks(bytes: Buffer, { objectionTo, policy }: CompiledWebSearch, trail: Trail): Buffer {
  const texts = messageTextsOf(bytes);
  const found: Found[] = [];
  for (const [index, { text, isFixed }] of texts.entries()) {
    if (isFixed) continue;
    for (const { start, end, host } of linksIn(text)) {
      const objection = objectionTo(host);
      if (objection !== undefined) found.push({ kind: 'DOMAIN', rule: objection.rule, parts: [{ index, start, end }] });
    }
  }
  if (found.length === 0) return bytes;
  const action = policy.mode === 'OBSERVE' ? 'OBSERVE' : 'REDACT';
  for (const { kind, rule } of found) trail.dlp.note({ direction: 'RESPONSE', kind, rule, action });
  return action === 'OBSERVE' ? bytes : (redact(bytes, texts, found) ?? bytes);
}
