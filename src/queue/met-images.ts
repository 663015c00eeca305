import { z } from "zod";

/** An image, or a folder, that could not be read, as records of a queue have it. */
export const brokenSchema = z.object({
  file: z.string(),
  reason: z.string(),
  isFolder: z.literal(true).exactOptional(),
});

/** What a worker met while it did a piece. */
export const metImages = {
  broken: z.array(brokenSchema),
  notes: z.array(z.object({ file: z.string(), note: z.string() })),
} as const;
