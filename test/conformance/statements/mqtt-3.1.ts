// MQTT 3.1 (IBM and Eurotech, 2010) numbers no statements: these are what a server of it does otherwise than one of 3.1.1, under numbers of ours.
import { statements } from './statement.ts';

export const MQTT_3_1 = statements('', {
  MQIsdp: [
    [1, 'both', 'the protocol is called MQIsdp, its version is 3; no other pair of the two is served'],
    [2, 'server', 'the second byte of CONNACK is reserved: no Session Present'],
    [3, 'server', 'client identifiers have 1 to 23 characters: an empty one is return code 2; longer ones may be let in'],
    [4, 'server', 'user name and password may be missing at the end of CONNECT though they are flagged'],
    [5, 'both', 'PUBREL, SUBSCRIBE and UNSUBSCRIBE may come again with DUP on the same connection'],
    [6, 'both', 'PUBLISH may come again with DUP on the same connection; QoS 2 is passed on once'],
    [7, 'server', 'Clean Session keeps and drops sessions as in 3.1.1'],
    [8, 'server', 'the will goes out when the connection ends without DISCONNECT'],
    [9, 'server', 'no packet for one and a half times the keep-alive: the end'],
    [10, 'server', 'PUBLISH that is not permitted is acknowledged all the same'],
    [11, 'server', 'QoS 0, 1 and 2 both ways'],
    [12, 'server', 'refused with return codes 1 to 5'],
    [13, 'server', 'a retained message comes to a new subscription with RETAIN, and to others without'],
    [14, 'server', 'a rule that is broken ends the connection'],
  ],
});
