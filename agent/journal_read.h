#ifndef CUA_AGENT_JOURNAL_READ_H
#define CUA_AGENT_JOURNAL_READ_H

/* Reading the folder of a run, whether or not somebody writes it. */

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "agent/journal_chain.h"
#include "agent/journal_head.h"
#include "cua/base/error.h"

/* What of events.jsonl can be relied on. */
struct agent_journal_scan {
	uint64_t seq;             /* of the last event that follows those before it */
	int64_t good_len;         /* bytes up to its end */
	int64_t rest_len;         /* bytes after it: torn, or changed; 0 if all is well */
	struct agent_chain chain; /* of it */
};

/* line: a whole event, its line break included. scan: up to and with it. Another status than CUA_OK
 * ends the scan. */
typedef enum cua_status (*agent_journal_line_fn)(const char *line, size_t len,
		const struct agent_journal_scan *scan, void *user_data, struct cua_error *err);

/* Walks the lines as far as each follows the one before. on_line may be NULL.
 * CUA_ERR_NOT_FOUND; CUA_ERR_IO; CUA_ERR_NOMEM; what on_line returns. */
CUA_NODISCARD enum cua_status agent_journal_scan(int run_dir_fd, agent_journal_line_fn on_line,
		void *user_data, struct agent_journal_scan *ret_scan, struct cua_error *err);

/* event: may be taken over, and is then set to NULL. Another status than CUA_OK ends the reading.
 */
typedef enum cua_status (*agent_journal_event_fn)(
		cJSON **event, void *user_data, struct cua_error *err);

/* Reads all lines that are JSON objects, chained or not: a journal that broke off still tells its
 * story. */
CUA_NODISCARD enum cua_status agent_journal_each(int run_dir_fd, agent_journal_event_fn on_event,
		void *user_data, struct cua_error *err);
/* The same as an array, which the caller owns. */
CUA_NODISCARD enum cua_status agent_journal_events(
		int run_dir_fd, cJSON **ret_events, struct cua_error *err);

/* True if a process has the journal open for writing. Asking takes no lock. */
bool agent_journal_is_held(int run_dir_fd);

/* What agent_journal_verify() found. */
struct agent_journal_verdict {
	uint64_t events;      /* checked */
	uint64_t signed_seq;  /* 0: there is no head */
	bool is_own_key;      /* the head was signed with the key of this state directory */
	uint64_t screenshots; /* named by events, each there and what its name says */
	char key[AGENT_KEY_HEX];
};

/**
 * agent_journal_verify() - is the folder what was written?
 * @name:      of the folder: a head of another run does not count.
 * @head_path: a copy of head.json that was kept elsewhere, too; NULL for none.
 *
 * Every line follows the one before, every signed head names an event that is there, and every
 * screenshot has the SHA-256 that is its name.
 *
 * Return: CUA_OK; CUA_ERR_POLICY and the first thing that is wrong; CUA_ERR_NOT_FOUND; CUA_ERR_IO.
 */
CUA_NODISCARD enum cua_status agent_journal_verify(int run_dir_fd, const char *name,
		const char *head_path, struct agent_journal_verdict *ret_verdict,
		struct cua_error *err);

#endif
