/** What we refuse ourselves, for a reason that is known; the message is the reason, without a full stop. */
export class UnsuitableError extends Error {}
