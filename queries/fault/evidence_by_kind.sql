-- What do the verdicts rest on?
-- Grain: one row per kind and evidence.
CREATE OR REPLACE VIEW fault_evidence_by_kind(
    -- Kind of fault.
    kind,
    -- What the verdict rests on: span, callchain, frames, join, errcode, state, none.
    evidence,
    -- Faults; count.
    fault_count,
    -- Mean confidence; ratio.
    confidence
) AS
SELECT kind, evidence, sum(fault_count)::BIGINT, sum(confidence::DOUBLE * fault_count) / sum(fault_count)
FROM fault__weighed
GROUP BY kind, evidence
ORDER BY kind, sum(fault_count) DESC, evidence;
