import { ACCESS_RULES_MAX, CLIENT_ID_BYTES_MAX } from '../../model/limits.ts';
import { key, list, optionalKey, requiredKey, section } from './nodes.ts';
import { boolean, bytes, choice, file, filter, integer, ownSecretFile, peerPattern, seconds, secondsOrNever, text } from './values.ts';

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
  listener: optionalKey(text(NAME_BYTES_MAX), 'Only for clients of this listener.', 'mqtt.tls'),
  address: optionalKey(peerPattern, 'Only for clients of this address, range or device.', '10.0.0.0/8'),
});

const YEAR_SECONDS = 31_536_000;
const perSecond = integer({ min: 0, max: 1_000_000 });
const bytesPerSecond = bytes({ min: 0, max: 2 ** 30 });

const limits = section('How fast clients may come and publish, per second; 0 is no limit. Who publishes too fast is read more slowly and loses nothing.', {
  connectionsPerListener: key(perSecond, 'Connections a listener lets in; one more is refused and may try again.', 0),
  connectionsPerAddress: key(perSecond, 'Connections let in from one address.', 0),
  messagesPerClient: key(perSecond, 'Messages one client may publish.', 0),
  bytesPerClient: key(bytesPerSecond, 'Bytes of topics and payloads one client may publish.', 0),
  messagesPerListener: key(perSecond, 'Messages all clients of a listener may publish together.', 0),
  bytesPerListener: key(bytesPerSecond, 'Bytes of topics and payloads all clients of a listener may publish together.', 0),
  burstSeconds: key(seconds({ min: 1, max: 3_600 }), "Seconds' worth of each that may come at once after a quiet time.", 2),
  disconnectAfterSeconds: key(
    secondsOrNever({ min: 1, max: 86_400 }),
    'A client that publishes faster than it may for this long without a break is sent away.',
    'never',
  ),
});

const flapping = section('Clients that come and go all the time.', {
  disconnects: key(integer({ min: 0, max: 1_000_000 }), 'Disconnects within the window after which a client id is banned for a time; 0 watches nobody.', 0),
  windowSeconds: key(seconds({ min: 1, max: 86_400 }), 'The window.', 60),
  banSeconds: key(seconds({ min: 1, max: YEAR_SECONDS }), 'How long the client id is banned.', 300),
});

export const access = section('Who may connect, publish and subscribe.', {
  anonymous: key(choice(['loopback', 'always', 'never']), 'Whether clients without credentials are let in: only those of this host, all, or none.', 'loopback'),
  allowAnonymousBeyondLoopback: key(
    boolean,
    'Must be true for `anonymous: always` on a listener that other hosts can reach; the gateway does not start otherwise, and warns at each start with it.',
    false,
  ),
  usersFile: optionalKey(
    ownSecretFile,
    'Users and their passwords, written by `postern user`; users.json in the data directory when not given.',
    '/etc/postern/users.json',
  ),
  aclFile: optionalKey(file, 'Rules in a file, asked after those below; with it, what no rule allows is denied.', '/etc/postern/access.acl'),
  defaultPermission: key(choice(['allow', 'deny']), 'What holds when no rule decides and there is no aclFile.', 'allow'),
  systemTopics: key(
    choice(['superusers', 'loopback', 'all']),
    'Who may subscribe to $SYS: superusers only, clients of this host too, or all that the rules let.',
    'loopback',
  ),
  rules: list('Rules, asked in this order; the first that fits decides.', ACCESS_RULES_MAX, rule),
  limits,
  flapping,
});
