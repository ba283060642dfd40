/** Tells whether a version of Node can run Turnpike. Written for any Node that can load modules. */

export const NODE_VERSION_MIN = '24.7';

/** Whether `version`, such as `24.21.0`, is `minimum` or later. */
export function isNewEnough(version, minimum = NODE_VERSION_MIN) {
  const given = version.split('.').map(Number);
  for (const [index, least] of minimum.split('.').map(Number).entries()) {
    const part = given[index] ?? 0;
    if (part !== least) return part > least;
  }
  return true;
}
