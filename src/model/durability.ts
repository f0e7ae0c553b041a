// How a message gets to the disk, by topic: what the one acknowledging promises, and what that costs in latency and flash.

/**
 * - `strict`: acknowledged once it is on disk, which is not put off.
 * - `grouped`: acknowledged once it is on disk, or once every stored queue it went to has been acknowledged by its peer.
 * - `lazy`: acknowledged at once, written soon after.
 * - `ram`: acknowledged at once, never written.
 */
export type DurabilityClass = 'strict' | 'grouped' | 'lazy' | 'ram';

export const DURABILITY_CLASSES: readonly DurabilityClass[] = ['strict', 'grouped', 'lazy', 'ram'];
