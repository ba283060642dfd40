/** Where agents call a server: what is shown and what is copied is the same. */
import type { RequestContext } from '../request-context.ts';

export function gatewayUrlOf({ gatewayUrl }: Pick<RequestContext, 'gatewayUrl'>, { slug }: { readonly slug: string }): string {
  return `${gatewayUrl}/v1/mcp/${slug}`;
}
