// The issuer of tests: panva/node-oidc-provider with client credentials, JWT access tokens and keys as told.
// Its one argument is JSON: {port, keys: [private JWK…], clients: {id: {secret, alg}}, audience, seconds}.
import { Provider } from 'oidc-provider';

const told = JSON.parse(process.argv[2]);
const origin = `http://127.0.0.1:${told.port}`;
const RESOURCE = 'urn:privet:vault';

const provider = new Provider(origin, {
  clients: Object.entries(told.clients).map(([client_id, { secret }]) => ({
    client_id,
    client_secret: secret,
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
  })),
  jwks: { keys: told.keys },
  scopes: ['openid', 'read', 'admin'],
  enabledJWA: { idTokenSigningAlgValues: ['RS256', 'PS256', 'ES256', 'EdDSA'] },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => RESOURCE,
      useGrantedResource: () => true,
      getResourceServerInfo: (ctx, resource, client) => ({
        scope: 'read admin',
        audience: told.audience,
        accessTokenTTL: told.seconds,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: told.clients[client.clientId].alg } },
      }),
    },
  },
});

provider.listen(told.port, '127.0.0.1', () => console.log('listening'));
