#ifndef CUA_AGENT_REPORT_H
#define CUA_AGENT_REPORT_H

/* report.html of a run, made from its folder alone: it can be made again at any time, also of a
 * run that broke off. One file, with the screenshots inside and without scripts. */

#include "agent/secrets/redact.h"
#include "cua/base/error.h"

/* run_dir_fd: the folder of the run; borrowed. redactor: hides what it knows, beside what the run
 * knew itself; NULL for nothing. A report that cannot be written whole is not
 * left behind. Return: CUA_OK; CUA_ERR_IO; CUA_ERR_NOMEM; CUA_ERR_NOT_FOUND without events. */
CUA_NODISCARD enum cua_status agent_report_write(
		int run_dir_fd, const struct agent_redactor *redactor, struct cua_error *err);

#endif
