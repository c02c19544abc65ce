"""Work beside the requests: the job queue, the periodic schedule, the change log's relay."""
