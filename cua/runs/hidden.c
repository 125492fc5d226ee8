/* Secrets that were set after a run: what it knew is not in its folder, what it did not know is
 * hidden wherever it is shown. */

#include "agent/secrets/store.h"
#include "cua/runs/runs.h"

struct agent_redactor *runs_open_redactor(struct cua_error *err)
{
	struct agent_secrets *secrets = NULL;
	struct agent_redactor *redactor = NULL;
	if (agent_secrets_open(&secrets, err) == CUA_OK &&
			agent_redactor_create(secrets, &redactor, err) != CUA_OK) {
		redactor = NULL;
	}
	agent_secrets_close(secrets);
	return redactor;
}

void runs_close_redactorp(struct agent_redactor **redactor)
{
	agent_redactor_destroy(*redactor);
}
