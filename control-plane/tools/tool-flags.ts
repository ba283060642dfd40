/** What somebody who reviews a tool should look at twice. */
import type { ToolDefinition } from '../../shared/tool-definition.ts';
import { holdsInvisible } from './invisible-text.ts';
import { contradictsName } from './tool-risk.ts';

export type ToolFlag = 'INVISIBLE_CHARACTERS' | 'HINTS_CONTRADICT_NAME' | 'SAME_NAME_ELSEWHERE';

/** What can be told of the tool alone. */
export function flagsOf(definition: ToolDefinition): ToolFlag[] {
  return [...(holdsInvisible(definition) ? ['INVISIBLE_CHARACTERS' as const] : []), ...(contradictsName(definition) ? ['HINTS_CONTRADICT_NAME' as const] : [])];
}
