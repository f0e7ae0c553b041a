import { ACCESS_RULES_MAX, CLIENT_ID_BYTES_MAX } from '../../model/limits.ts';
import { key, list, optionalKey, requiredKey, section } from './nodes.ts';
import { boolean, choice, filter, peerPattern, text } from './values.ts';

const NAME_BYTES_MAX = 65_535;

const rule = section('One rule; it decides when everything it names fits.', {
  permission: requiredKey(choice(['allow', 'deny']), 'What the rule says.', 'deny'),
  action: key(choice(['publish', 'subscribe', 'all']), 'What the rule is about.', 'all'),
  topic: requiredKey(
    filter,
    'Topics the rule is about, where a level %c is the client id and %u the user name; a subscription is one of them when the filter covers all of it.',
    'private/#',
  ),
  clientId: optionalKey(text(CLIENT_ID_BYTES_MAX), 'Only for the client of this id.', 'valve-1'),
  username: optionalKey(text(NAME_BYTES_MAX), 'Only for clients of this user.', 'gardener'),
  address: optionalKey(peerPattern, 'Only for clients of this address, range or device.', '10.0.0.0/8'),
});

export const access = section('Who may connect, publish and subscribe.', {
  anonymous: key(choice(['loopback', 'always', 'never']), 'Whether clients without credentials are let in: only those of this host, all, or none.', 'loopback'),
  allowAnonymousBeyondLoopback: key(
    boolean,
    'Must be true for `anonymous: always` on a listener that other hosts can reach; the gateway does not start otherwise, and warns at each start with it.',
    false,
  ),
  defaultPermission: key(choice(['allow', 'deny']), 'What holds when no rule decides.', 'allow'),
  rules: list('Rules, asked in this order; the first that fits decides.', ACCESS_RULES_MAX, rule),
});
