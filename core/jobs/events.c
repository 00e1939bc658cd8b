/* SPDX-License-Identifier: Apache-2.0 */
/* What is told upward: events of type job.*, whose subject is the job. */
#include "jobs/job.h"

void job_emit(struct job *job, const char *type, const struct run *run, int64_t time)
{
    json_t *data = json_object();
    json_put_str(data, "job", job->name);
    json_put_str(data, "state", job_state_name(job->state));
    json_put_str(data, "reason", job->reason);
    if (job->missed)
        json_put_int(data, "missed", (int64_t)job->missed);
    if (run) {
        json_put_int(data, "run", run->id);
        json_put_str(data, "rid", run->rid);
        json_put_str(data, "node", run->node);
        json_put_str(data, "output", run->output);
        if (run->has_exit_code)
            json_put_int(data, "exit_code", run->exit_code);
        if (run->started_at)
            json_put_time(data, "started_at", run->started_at);
        if (run->duration >= 0)
            json_put_seconds(data, "duration", run->duration);
    }
    struct jobs_options *options = &job->jobs->options;
    options->emit(options->ctx, cloud_event_new(NULL, "belfry", type, job->name, time, data));
}
