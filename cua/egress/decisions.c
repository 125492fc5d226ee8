#include "cua/egress/decisions.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "cua/base/file.h"
#include "cua/base/util.h"

#define ROOM_FROM ((off_t)4 << 20) /* bytes */
#define REFUSALS_AT_ONCE 1000
#define REFUSAL_EVERY_US 10000000ULL

void egress_decisions_make_room(const char *log_path)
{
	char old[PATH_MAX];
	struct stat info;
	snprintf(old, sizeof(old), "%s" EGRESS_LOG_OLD, log_path);
	if (stat(log_path, &info) == 0 && info.st_size > ROOM_FROM) {
		(void)rename(log_path, old);
	}
}

void egress_decisions_init(struct egress_decisions *log, int fd, uint64_t max)
{
	struct stat info;
	*log = (struct egress_decisions){ .fd = fd, .max = max, .refusal_lines = REFUSALS_AT_ONCE };
	if (fstat(fd, &info) == 0 && info.st_size > 0) {
		log->size = (uint64_t)info.st_size;
	}
}

bool egress_decisions_takes_refusal(struct egress_decisions *log, uint64_t now_us)
{
	if (log->next_line_us == 0) {
		log->next_line_us = now_us + REFUSAL_EVERY_US;
	}
	if (now_us >= log->next_line_us) {
		const uint64_t more = 1 + (now_us - log->next_line_us) / REFUSAL_EVERY_US;
		const uint64_t lines = (uint64_t)log->refusal_lines + more;
		log->refusal_lines = lines > REFUSALS_AT_ONCE ? REFUSALS_AT_ONCE : (int)lines;
		log->next_line_us += more * REFUSAL_EVERY_US;
	}
	if (log->refusal_lines == 0 || log->refusal_bytes >= log->max / 2) {
		log->left_out++;
		return false;
	}
	log->refusal_lines--;
	return true;
}

cJSON *egress_decisions_line(void)
{
	struct timespec now;
	struct tm utc;
	char date[32], text[48];
	cJSON *line = cJSON_CreateObject();
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(text, sizeof(text), "%s.%03ldZ", date, now.tv_nsec / 1000000);
	cJSON_AddStringToObject(line, "time", text);
	return line;
}

static enum cua_status append(struct egress_decisions *log, const cJSON *line, bool is_refusal,
		struct cua_error *err)
{
	CUA_AUTO_FREE char *text = line ? cJSON_PrintUnformatted(line) : NULL;
	const size_t len = text ? strlen(text) : 0;
	if (!text) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "a line of the log");
	}
	if (log->size + len + 1 > log->max) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0,
				"the log of the sandbox's network is full");
	}
	text[len] = '\n'; /* in place of its end: one write, so that no line is torn */
	log->size += len + 1;
	log->refusal_bytes += is_refusal ? len + 1 : 0;
	return cua_write_all(log->fd, text, len + 1)
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_IO, errno, "the log of the sandbox's network");
}

/* Where it finds no room the number stays for the next line. */
static void tell_left_out(struct egress_decisions *log)
{
	if (log->left_out == 0) {
		return;
	}
	CUA_AUTO_JSON cJSON *line = egress_decisions_line();
	cJSON_AddStringToObject(line, "event", "left out");
	cJSON_AddNumberToObject(line, "count", (double)log->left_out);
	cJSON_AddStringToObject(line, "rule", "more refusals than are written down");
	if (append(log, line, true, NULL) == CUA_OK) {
		log->left_out = 0;
	}
}

enum cua_status egress_decisions_write(struct egress_decisions *log, const cJSON *line,
		bool is_refusal, struct cua_error *err)
{
	tell_left_out(log);
	return append(log, line, is_refusal, err);
}

void egress_decisions_finish(struct egress_decisions *log)
{
	tell_left_out(log);
}
