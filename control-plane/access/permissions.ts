/** The fine permissions, one for each workflow that the product has today. */

export const PERMISSIONS = [
  'CATALOG_INSTALL',
  'CATALOG_MANAGE',
  'SERVER_CREATE',
  'SERVER_UPDATE',
  'SERVER_DELETE',
  'TOOL_CONFIGURE',
  'AGENT_CONFIGURE',
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
