/** The types of `node-version.mjs`, which must run on a Node that knows nothing of types. */
export const NODE_VERSION_MIN: string;
export function isNewEnough(version: string, minimum?: string): boolean;
