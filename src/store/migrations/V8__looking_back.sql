-- Looking back without reading whole tables.

-- Which moment a run was for.
CREATE INDEX moments_of_run ON moments (run_id) WHERE run_id IS NOT NULL;

-- What has failed is counted and listed from here alone; a site keeps it for as long as its journal.
DROP INDEX deliveries_failed;
CREATE INDEX deliveries_failed ON deliveries (id, channel, state) WHERE state = 'rejected' OR state = 'expired' OR state = 'doubtful';
CREATE INDEX invitations_failed ON invitations (id) WHERE state = 'failed';
