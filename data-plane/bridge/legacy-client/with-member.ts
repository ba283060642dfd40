/** Sets one member of an object in its JSON; every other byte stays as it is. */
import { findTopLevelValue } from '../../transports/json-members.ts';
import { splice } from '../../transports/message-splice.ts';

const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const SPACE = 0x20;

/** In the place of the member that the object has, or ahead of all others. The name must need no escapes. */
export function withMember(object: Buffer, name: string, value: Buffer | string): Buffer {
  const found = findTopLevelValue(object, name);
  if (found !== undefined) return splice(object, [found], Buffer.from(value));
  const start = object.indexOf(OPEN_BRACE) + 1;
  let at = start;
  while ((object[at] ?? CLOSE_BRACE) <= SPACE) at++;
  const member = Buffer.concat([Buffer.from(`"${name}":`), Buffer.from(value), Buffer.from(object[at] === CLOSE_BRACE ? '' : ',')]);
  return splice(object, [{ start, end: start }], member);
}
