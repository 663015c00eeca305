/** What is done to pieces: images are encoded, or a run of a comparison is trained. */
export const taskKinds = ["encode", "compare"] as const;
export type TaskKind = (typeof taskKinds)[number];
