/** How many messages were not taken by queues that keep account of it: who published such a one is answered once that is on disk. */
export class Declined {
  count = 0;
}
