-- Looking back without reading whole tables.

-- Which moment a run was for.
CREATE INDEX moments_of_run ON moments (run_id) WHERE run_id IS NOT NULL;
