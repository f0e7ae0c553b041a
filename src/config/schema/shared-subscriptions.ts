import { SHARE_GROUPS_CONFIGURED_MAX } from '../../model/limits.ts';
import { SHARE_STRATEGIES } from '../../model/share-strategy.ts';
import { key, list, requiredKey, section } from './nodes.ts';
import { choice, textWithout } from './values.ts';

const NAME_BYTES_MAX = 65_535;

const strategy = choice(SHARE_STRATEGIES);

const group = section('One group.', {
  group: requiredKey(
    textWithout(['/', '+', '#'], { min: 1, max: NAME_BYTES_MAX }),
    'Name of the group, as in $share/NAME/...; $queue is the group of $queue/... subscriptions.',
    'workers',
  ),
  strategy: requiredKey(strategy, 'How its messages are spread.', 'hash-topic'),
});

export const sharedSubscriptions = section('Shared subscriptions: each message goes to one member of the group.', {
  strategy: key(
    strategy,
    'Who gets the next message: each in turn, any, the same while it can, the same per publisher (hash-client) or topic (hash-topic), or who has the fewest unsettled.',
    'round-robin',
  ),
  groups: list('Groups with a strategy of their own; the first entry with the name holds.', SHARE_GROUPS_CONFIGURED_MAX, group),
});
