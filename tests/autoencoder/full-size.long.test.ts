import { describeKinds, first, kinds } from "./full-size-kinds.js";

describeKinds(Object.keys(kinds).filter((name) => !first.includes(name)));
