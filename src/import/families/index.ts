import type { Family } from "../family.js";
import { chameleon } from "./chameleon.js";
import { cosmos } from "./cosmos.js";
import { diffusers } from "./diffusers.js";
import { ibq } from "./ibq.js";
import { janus } from "./janus.js";
import { llamagen } from "./llamagen.js";
import { maskgit } from "./maskgit.js";
import { openMagvit2 } from "./open-magvit2.js";
import { taming } from "./taming.js";

/** All families. The first whose names match is taken, where no configuration names one. */
export const families: readonly Family[] = [
  diffusers,
  llamagen,
  openMagvit2,
  maskgit,
  cosmos,
  janus,
  chameleon,
  taming,
  ibq,
];
