/** The fine permissions, one for each workflow that the product has today. */

export const PERMISSIONS = [
  'SERVER_CREATE',
  'SERVER_UPDATE',
  'TOOL_CONFIGURE',
  'GRANT_MANAGE',
  'KEY_MANAGE',
  'POLICY_MANAGE',
  'BUDGET_MANAGE',
  'MEMBER_MANAGE',
  'USAGE_READ',
  'AUDIT_READ',
  'PLAYGROUND_CALL',
] as const;
export type Permission = (typeof PERMISSIONS)[number];
