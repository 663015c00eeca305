export { type Curve, type CurveBin, CurveBuilder } from "./curve.js";
export { type Diagnosis, diagnose, diagnosisRules, type Finding, type RuleNote } from "./diagnose.js";
export { findingsHtml } from "./diagnosis-html.js";
export { renderDiagnosis } from "./diagnosis-text.js";
export { LiveDiagnosis } from "./live-diagnosis.js";
export { readDiagnosisRecord } from "./read-record.js";
export {
  type DiagnosedCurve,
  type DiagnosedEvaluation,
  type DiagnosedRun,
  DiagnosisHistory,
  type DiagnosisRecord,
} from "./record.js";
export { type Outcome, type Remedy, type Rule, type Severity, severities } from "./rule.js";
