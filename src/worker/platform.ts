import type { FixedLengthStream as Fixed, IdentityTransformStream as Identity } from '@cloudflare/workers-types';

/** What workerd has beside the web platform. */
export const { FixedLengthStream, IdentityTransformStream } = globalThis as unknown as {
  FixedLengthStream: typeof Fixed;
  IdentityTransformStream: typeof Identity;
};

/** What a request or a response may have for a body. */
export type BodyInit = NonNullable<ConstructorParameters<typeof Response>[0]>;

/** Keeps a request's work alive after its response (`ctx.waitUntil`). */
export type KeepAlive = (work: Promise<unknown>) => void;
