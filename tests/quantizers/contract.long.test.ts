import { describeContract, others } from "./contract-members.js";

describeContract(others);
