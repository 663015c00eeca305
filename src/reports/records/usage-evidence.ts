import type { CodedPhotograph } from "../../evaluation/index.js";
import type { CodeCounts, CodeTimeline, CodeVectors } from "../../metrics/index.js";
import type { CodeAtlas } from "../code-atlas.js";
import type { Diagnosis } from "../diagnosis/diagnose.js";
import type { PlaceStatistics } from "../index-places.js";

/** What a usage page can show besides the report's figures; each part is left out where it is not known. */
export interface UsageEvidence {
  /** The counts that the report was made of: the map of the codebook, and every code's count by search. */
  readonly counts?: CodeCounts;
  /** Where the codes are points of a grid, how many values each dimension takes: they are shown on it. */
  readonly levels?: readonly number[];
  /** The codes themselves, shown in two dimensions: one entry a codebook. */
  readonly vectors?: readonly CodeVectors[];
  /** Where codes stand, one entry a codebook; `PlaceCounter` makes them. */
  readonly places?: readonly PlaceStatistics[];
  /** When codes were in use while the model was trained. */
  readonly timeline?: CodeTimeline;
  /** What the doctor makes of the run that the model is from, for the top of a page of its own. */
  readonly diagnosis?: Diagnosis;
  /** A whole photograph through the model. */
  readonly photograph?: CodedPhotograph;
  /** What codes look like, one entry a codebook. */
  readonly atlases?: readonly CodeAtlas[];
}
