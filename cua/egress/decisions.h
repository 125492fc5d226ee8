#ifndef CUA_EGRESS_DECISIONS_H
#define CUA_EGRESS_DECISIONS_H

/* The log of a proxy or a gateway: a line of JSON for each decision, in a file of bounded size.
 *
 * What is let through must find room, or it is not let through. So refusals, which a sandbox can
 * cause as fast as it likes, get half of the file at most: 1000 lines at once and another one every
 * ten seconds, and the next line after some that were left out is preceded by how many. */

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "cua/base/error.h"

#define EGRESS_LOG_MAX (64ULL << 20) /* bytes: some hundred thousand lines */
/* Behind the name of a log: the one before it. */
#define EGRESS_LOG_OLD ".old"

struct egress_decisions {
	int fd;
	uint64_t size, max;     /* bytes of the file */
	uint64_t refusal_bytes; /* of those, since it was opened here */
	int refusal_lines;      /* that may be written now */
	uint64_t next_line_us;  /* when there is one more; 0: nothing was refused yet */
	uint64_t left_out;      /* refusals since the last line */
};

/* Before it is opened: one that is over 4 MiB becomes the old one, in place of what that was. Who
 * still writes into it goes on with that. */
void egress_decisions_make_room(const char *log_path);

/* fd: what is in it already counts. */
void egress_decisions_init(struct egress_decisions *log, int fd, uint64_t max);
/* Says how many were left out, if some were; does not close. */
void egress_decisions_finish(struct egress_decisions *log);

/* May a refusal be written? If not, it is counted. */
bool egress_decisions_takes_refusal(struct egress_decisions *log, uint64_t now_us);

/* A line, with the "time" in UTC; NULL without memory. */
cJSON *egress_decisions_line(void);
/* line: NULL is CUA_ERR_NOMEM. CUA_ERR_TOO_LARGE when the log is full, CUA_ERR_IO. */
CUA_NODISCARD enum cua_status egress_decisions_write(struct egress_decisions *log,
		const cJSON *line, bool is_refusal, struct cua_error *err);

#endif
