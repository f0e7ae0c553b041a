import { CLIENT_ID_BYTES_MAX } from '../../model/limits.ts';
import { key, list, optionalKey, requiredKey, section } from './nodes.ts';
import { addressRange, boolean, choice, filter, text } from './values.ts';

const NAME_BYTES_MAX = 65_535;
const RULES_MAX = 10_000;

const rule = section('One rule; it decides when everything it names fits.', {
  permission: requiredKey(choice(['allow', 'deny']), 'What the rule says.', 'deny'),
  action: key(choice(['publish', 'subscribe', 'all']), 'What the rule is about.', 'all'),
  topic: requiredKey(filter, 'Topics the rule is about; a subscription falls under it when the filter covers all of the subscription.', 'private/#'),
  clientId: optionalKey(text(CLIENT_ID_BYTES_MAX), 'Only for the client of this id.', 'valve-1'),
  username: optionalKey(text(NAME_BYTES_MAX), 'Only for clients of this user.', 'gardener'),
  address: optionalKey(addressRange, 'Only for clients of this address or range.', '10.0.0.0/8'),
});

export const access = section('Who may connect, publish and subscribe.', {
  anonymous: key(choice(['loopback', 'always', 'never']), 'Whether clients without credentials are let in: only those of this host, all, or none.', 'loopback'),
  allowAnonymousBeyondLoopback: key(
    boolean,
    'Must be true for `anonymous: always` on a listener that other hosts can reach; the gateway does not start otherwise, and warns at each start with it.',
    false,
  ),
  defaultPermission: key(choice(['allow', 'deny']), 'What holds when no rule decides.', 'allow'),
  rules: list('Rules, asked in this order; the first that fits decides.', RULES_MAX, rule),
});
