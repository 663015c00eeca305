/** What holds a quantizer of one's own to the contract that all of them keep, with any test runner. */
export {
  type ContractCheck,
  type ContractOptions,
  quantizerContract,
  type Surrogate,
  type SurrogatePoint,
  straightThroughSurrogate,
} from "../quantizers/contract/index.js";
