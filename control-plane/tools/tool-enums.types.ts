/** The words in which the API speaks of tools. */
import { registerEnumType } from 'type-graphql';

export const TOOL_RISK = { READ_ONLY: 'READ_ONLY', WRITE: 'WRITE', DESTRUCTIVE: 'DESTRUCTIVE', OPEN_WORLD: 'OPEN_WORLD', UNKNOWN: 'UNKNOWN' } as const;
registerEnumType(TOOL_RISK, {
  name: 'ToolRisk',
  description: 'What a tool may do. OPEN_WORLD: it harms nothing by itself, and reaches beyond its server.',
});

export const TOOL_STATE = { NEW: 'NEW', APPROVED: 'APPROVED', CHANGED: 'CHANGED' } as const;
registerEnumType(TOOL_STATE, {
  name: 'ToolState',
  description: 'NEW: nobody has reviewed it. APPROVED: somebody has, and it is as it was then. CHANGED: it is not as it was, and waits for acceptToolChanges.',
});

export const TOOL_FLAG = {
  INVISIBLE_CHARACTERS: 'INVISIBLE_CHARACTERS',
  HINTS_CONTRADICT_NAME: 'HINTS_CONTRADICT_NAME',
  SAME_NAME_ELSEWHERE: 'SAME_NAME_ELSEWHERE',
} as const;
registerEnumType(TOOL_FLAG, {
  name: 'ToolFlag',
  description:
    'INVISIBLE_CHARACTERS: a model reads there what a person does not see. HINTS_CONTRADICT_NAME: it is said to do no harm, while its name says that it destroys. SAME_NAME_ELSEWHERE: another server of the organisation has a tool of that name.',
});

export const TOOL_REVIEW = { NONE: 'NONE', DESTRUCTIVE: 'DESTRUCTIVE', ALL: 'ALL' } as const;
registerEnumType(TOOL_REVIEW, {
  name: 'ToolReview',
  description: 'Which tools stay off until somebody has reviewed them. With anything but NONE, a tool that was never discovered is off as well.',
});
