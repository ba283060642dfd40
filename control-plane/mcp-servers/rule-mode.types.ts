/** Whether a rule refuses or only records. */
import { registerEnumType } from 'type-graphql';

export const RULE_MODE = { ENFORCE: 'ENFORCE', OBSERVE: 'OBSERVE' } as const;
registerEnumType(RULE_MODE, { name: 'RuleMode', description: 'OBSERVE lets pass, and records what it would have done.' });
