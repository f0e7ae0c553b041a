"""One paho-mqtt client: commands come as lines of JSON, what happens to it goes out as lines of JSON."""
import json
import sys

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

PROTOCOLS = {3: mqtt.MQTTv31, 4: mqtt.MQTTv311, 5: mqtt.MQTTv5}


def tell(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


def number(code):
    """Of a reason code of 5.0 or a return code of 3.x."""
    return code if isinstance(code, int) else code.value


def property_bag(packet_type, values):
    if values is None:
        return None
    bag = Properties(packet_type)
    for name, value in values.items():
        for each in value if name == "UserProperty" else [value]:
            setattr(bag, name, tuple(each) if isinstance(each, list) else each.encode() if name == "CorrelationData" else each)
    return bag


def told(bag):
    """The properties of a received packet."""
    if bag is None:
        return {}
    names = [name.replace(" ", "") for name in bag.names.keys()]
    found = {name: getattr(bag, name) for name in names if hasattr(bag, name)}
    return {name: value.decode() if isinstance(value, bytes) else value for name, value in found.items()}


class Driven:
    def __init__(self, version, client_id, clean):
        self.version, self.clean = version, clean
        self.client = mqtt.Client(client_id, clean_session=None if version == 5 else clean, protocol=PROTOCOLS[version])
        self.client.on_connect = lambda _, __, flags, code, bag=None: tell(
            "connected", code=number(code), sessionPresent=flags["session present"], properties=told(bag)
        )
        self.client.on_disconnect = lambda _, __, code, bag=None: tell("disconnected", code=number(code))
        self.client.on_publish = lambda _, __, mid: tell("published", mid=mid)
        self.client.on_subscribe = lambda _, __, mid, codes, bag=None: tell("subscribed", codes=[number(code) for code in codes])
        self.client.on_unsubscribe = lambda *_: tell("unsubscribed")
        self.client.on_message = lambda _, __, message: tell(
            "message",
            topic=message.topic,
            payload=message.payload.decode(),
            qos=message.qos,
            retain=bool(message.retain),
            dup=bool(message.dup),
            properties=told(message.properties) if version == 5 else {},
        )

    def connect(self, port, properties=None, will=None):
        if will is not None:
            bag = property_bag(PacketTypes.WILLMESSAGE, will.get("properties"))
            self.client.will_set(will["topic"], will["payload"], will["qos"], will["retain"], bag)
        more = {"clean_start": self.clean, "properties": property_bag(PacketTypes.CONNECT, properties)} if self.version == 5 else {}
        self.client.connect("127.0.0.1", port, 60, **more)
        self.client.loop_start()

    def subscribe(self, topic, qos):
        self.client.subscribe(topic, qos)

    def unsubscribe(self, topic):
        self.client.unsubscribe(topic)

    def publish(self, topic, payload, qos=0, retain=False, properties=None):
        self.client.publish(topic, payload, qos, retain, property_bag(PacketTypes.PUBLISH, properties))

    def disconnect(self):
        self.client.disconnect()


driven = Driven(int(sys.argv[1]), sys.argv[2], sys.argv[3] == "clean")
for line in sys.stdin:
    command = json.loads(line)
    getattr(driven, command.pop("do"))(**command)
