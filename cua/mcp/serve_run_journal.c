/* The journal of a run as a text. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/journal_read.h"
#include "agent/secrets/redact.h"
#include "cua/base/buffer.h"
#include "cua/base/util.h"
#include "cua/mcp/serve_runs_internal.h"

/* A message has room for it, whatever has to be escaped. */
#define JOURNAL_MAX ((size_t)1 << 20)

struct journal {
	struct agent_redactor *redactor;
	struct cua_buffer lines;
};

/* The oldest lines go where there are too many: not with each line, as all others move then. */
static void keep_newest(struct cua_buffer *lines, size_t most)
{
	if (lines->len <= most) {
		return;
	}
	const size_t over = lines->len - JOURNAL_MAX;
	const char *end = memchr(lines->data + over, '\n', lines->len - over);
	cua_buffer_consume(lines, end ? (size_t)(end + 1 - lines->data) : lines->len);
}

static enum cua_status add_event(cJSON **event, void *user_data, struct cua_error *err)
{
	struct journal *journal = user_data;
	agent_redact_json(journal->redactor, *event);
	CUA_AUTO_FREE char *line = cJSON_PrintUnformatted(*event);
	if (!line) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "journal");
	}
	if (strlen(line) >= JOURNAL_MAX) {
		return CUA_OK; /* no line of ours: events have a bound far below */
	}
	enum cua_status status = cua_buffer_append(&journal->lines, line, strlen(line), err);
	if (status == CUA_OK) {
		status = cua_buffer_append(&journal->lines, "\n", 1, err);
	}
	keep_newest(&journal->lines, 2 * JOURNAL_MAX);
	return status;
}

enum cua_status mcp_serve_run_journal(const char *run, char **ret_text, struct cua_error *err)
{
	CUA_AUTO_FREE char *run_path = NULL;
	CUA_AUTO_FD int dir_fd = mcp_serve_open_run(run, &run_path, err);
	struct journal journal = { 0 };
	if (dir_fd < 0) {
		return err->status;
	}
	cua_buffer_init(&journal.lines, 3 * JOURNAL_MAX + 1);
	enum cua_status status = mcp_serve_open_redactor(&journal.redactor, err);
	if (status == CUA_OK) {
		status = agent_journal_each(dir_fd, add_event, &journal, err);
	}
	if (status == CUA_OK) {
		keep_newest(&journal.lines, JOURNAL_MAX);
		*ret_text = strndup(
				journal.lines.data ? journal.lines.data : "", journal.lines.len);
		status = *ret_text ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "journal");
	}
	cua_buffer_finish(&journal.lines);
	agent_redactor_destroy(journal.redactor);
	return status;
}
