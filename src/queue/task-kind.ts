/** What is done to pieces: images are encoded, a run of a comparison is trained, models are measured on images. */
export const taskKinds = ["encode", "compare", "evaluate"] as const;
export type TaskKind = (typeof taskKinds)[number];
