#include "agent/journal_read.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "agent/journal_pictures.h"
#include "cua/base/util.h"

struct check {
	int run_dir_fd, screenshots_fd;
	uint64_t seq;
	const struct agent_head *heads[2]; /* to meet on the way; NULL for none */
	bool is_met[2];
	struct agent_journal_verdict *verdict;
	char seen[65]; /* the screenshot checked last */
};

static enum cua_status check_pictures(
		struct check *check, const char *line, size_t len, struct cua_error *err)
{
	char sha256[65];
	enum cua_status status = CUA_OK;
	for (size_t at = 0; status == CUA_OK && journal_picture_next(line, len, &at, sha256);) {
		if (!sha256[0]) {
			return CUA_FAIL(err, CUA_ERR_POLICY, 0, "event %llu names no screenshot",
					(unsigned long long)check->seq);
		}
		if (strcmp(check->seen, sha256) == 0) {
			continue; /* mostly a result names it, and then the answer */
		}
		status = journal_picture_check(check->screenshots_fd, sha256, false, err);
		snprintf(check->seen, sizeof(check->seen), "%s", sha256);
		check->verdict->screenshots++;
	}
	return status;
}

/* --- lines --- */

static enum cua_status check_line(const char *line, size_t len,
		const struct agent_journal_scan *scan, void *user_data, struct cua_error *err)
{
	struct check *check = user_data;
	char start[48];
	const int start_len = snprintf(
			start, sizeof(start), "{\"seq\":%llu,", (unsigned long long)scan->seq);
	check->seq = scan->seq;
	if (strncmp(line, start, (size_t)start_len) != 0) {
		return CUA_FAIL(err, CUA_ERR_POLICY, 0, "line %llu does not begin with %s",
				(unsigned long long)scan->seq, start);
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(check->heads); i++) {
		const struct agent_head *head = check->heads[i];
		if (head && head->seq == scan->seq) {
			check->is_met[i] = memcmp(&head->chain, &scan->chain,
							   sizeof(head->chain)) == 0;
		}
	}
	return check_pictures(check, line, len, err);
}

static enum cua_status check_events(struct check *check, struct cua_error *err)
{
	struct agent_journal_scan scan;
	enum cua_status status =
			agent_journal_scan(check->run_dir_fd, check_line, check, &scan, err);
	if (status != CUA_OK) {
		return status;
	}
	/* Of a run that goes on, the rest is the line being written. */
	if (scan.rest_len > 0 && !agent_journal_is_held(check->run_dir_fd)) {
		return CUA_FAIL(err, CUA_ERR_POLICY, 0,
				"event %llu does not follow the one before it: the line was "
				"changed "
				"or torn",
				(unsigned long long)scan.seq + 1);
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(check->heads); i++) {
		const struct agent_head *head = check->heads[i];
		if (head && head->seq > check->seq) {
			return CUA_FAIL(err, CUA_ERR_POLICY, 0,
					"the journal was cut: %llu events were signed, %llu are "
					"there",
					(unsigned long long)head->seq,
					(unsigned long long)check->seq);
		}
		if (head && !check->is_met[i]) {
			return CUA_FAIL(err, CUA_ERR_POLICY, 0,
					"event %llu is not the one that was signed: the journal "
					"was written anew",
					(unsigned long long)head->seq);
		}
	}
	check->verdict->events = scan.seq;
	return CUA_OK;
}

/* --- heads --- */

static enum cua_status read_head(int dir_fd, const char *path, const char *name,
		struct agent_head *head, struct cua_error *err)
{
	enum cua_status status = agent_head_read(dir_fd, path, head, err);
	if (status == CUA_OK && strcmp(head->run, name) != 0) {
		return CUA_FAIL(err, CUA_ERR_POLICY, 0, "%s is the head of another run", path);
	}
	return status;
}

enum cua_status agent_journal_verify(int run_dir_fd, const char *name, const char *head_path,
		struct agent_journal_verdict *ret_verdict, struct cua_error *err)
{
	struct agent_head heads[2];
	struct agent_journal_verdict verdict = { 0 };
	CUA_AUTO_FD int screenshots_fd =
			openat(run_dir_fd, "screenshots", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct check check = {
		.run_dir_fd = run_dir_fd, .screenshots_fd = screenshots_fd, .verdict = &verdict
	};
	unsigned char own[AGENT_KEY_BYTES];
	enum cua_status status = read_head(run_dir_fd, "head.json", name, &heads[0], err);
	if (status == CUA_OK) {
		check.heads[0] = &heads[0];
		verdict.signed_seq = heads[0].seq;
		verdict.is_own_key = agent_head_key(own, NULL) == CUA_OK &&
				memcmp(own, heads[0].key, sizeof(own)) == 0;
		sodium_bin2hex(verdict.key, sizeof(verdict.key), heads[0].key, sizeof(own));
	} else if (status == CUA_ERR_NOT_FOUND) {
		status = CUA_OK; /* a run that broke off early; the verdict says so */
	}
	if (status == CUA_OK && head_path) {
		status = read_head(AT_FDCWD, head_path, name, &heads[1], err);
		check.heads[1] = &heads[1];
	}
	if (status == CUA_OK) {
		status = check_events(&check, err);
	}
	if (status == CUA_OK) {
		*ret_verdict = verdict;
	}
	return status;
}
