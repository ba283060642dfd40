/** How the control plane introduces itself to servers. */

export const OWN_CLIENT = { name: 'turnpike', version: '0.1.0' } as const;
