// Every configuration key, once: type, default, unit, allowed values and one sentence. The sample file, the JSON Schema, the reference, the
// environment names and the types of a loaded configuration are derived from it.
import { access } from './access.ts';
import { backup } from './backup.ts';
import { bridges } from './bridges.ts';
import { mqtt } from './mqtt.ts';
import { mqttSn } from './mqtt-sn.ts';
import { section, type Value } from './nodes.ts';
import { clock, control, data, log } from './process.ts';
import { queue } from './queue.ts';
import { autoSubscribe, delayed, slowConsumer, sys, topicRewrite } from './services.ts';
import { sharedSubscriptions } from './shared-subscriptions.ts';
import { stomp } from './stomp.ts';
import { qos2, retained, sessions, store, will } from './storage.ts';

export const SCHEMA = section('Configuration of Postern.', {
  data,
  control,
  log,
  clock,
  mqtt,
  mqttSn,
  stomp,
  access,
  bridges,
  sessions,
  queue,
  retained,
  delayed,
  topicRewrite,
  autoSubscribe,
  sys,
  slowConsumer,
  sharedSubscriptions,
  will,
  qos2,
  store,
  backup,
});

/** What the schema alone makes of a file; `Config` has the defaults that depend on the machine filled in. */
export type Settings = Value<typeof SCHEMA>;
