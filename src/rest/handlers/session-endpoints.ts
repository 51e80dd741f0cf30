/**
 * How a browser is let in: who has the token asks for a link that works once; whoever opens it gets
 * the cookie of a session, which scripts cannot read and other sites cannot use.
 */
import type { Access } from '../access.ts';
import type { RestCluster } from '../cluster.ts';
import { endpoint, rawEndpoint } from '../endpoint.ts';
import type { Endpoint } from '../endpoint.ts';
import { text as textParameter } from '../parameters.ts';
import { RestError } from '../rest-error.ts';
import { object, text } from '../shape.ts';

export function loginEndpoint(cluster: RestCluster, access: Access): Endpoint {
  return endpoint({
    method: 'POST',
    path: '/login',
    summary: 'A link that lets a browser in, once.',
    audit: 'create a link to log in',
    answer: object({ url: text }),
    handle: () => ({ url: `${cluster.url}/login/${access.createLogin()}` }),
  });
}

/** For those who have no token. */
export function openEndpoints(access: Access): readonly Endpoint[] {
  return [
    rawEndpoint({
      method: 'GET',
      path: '/login/:code',
      summary: 'Opens a session for a browser.',
      parameters: { code: textParameter('As POST /login has answered it.') },
      produces: 'text/plain',
      status: 303,
      async handle({ path, request }) {
        const cookie = access.login(path.code, request.secure);
        if (cookie === undefined) {
          throw new RestError(403, ['This link has been used or has expired. Ask for a new one.']);
        }
        const headers = { location: '/', 'set-cookie': cookie };
        return { status: 303, contentType: 'text/plain; charset=UTF-8', headers, body: '' };
      },
    }),
  ];
}
